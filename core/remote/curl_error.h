// Turns errors of libcurl into ours. Private to the HTTP client.
#pragma once

#include <curl/curl.h>

#include <string>
#include <string_view>

#include "layoutfs/error.h"

namespace layoutfs {

// Returns the error of a transfer that ended with `code`, which is not CURLE_OK. `host` names the server in
// the message, `text` is the message of libcurl, and `os_error` the errno of connect(2) or 0.
Error curl_error(CURLcode code, const std::string& host, std::string_view text, int os_error);

}  // namespace layoutfs
