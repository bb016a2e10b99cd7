#include "core/remote/curl_error.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include "core/base/ascii.h"
#include "core/remote/network_code.h"

namespace layoutfs {
namespace {

constexpr std::string_view kProblem = "SSL certificate problem: ";

// Texts of OpenSSL if the first bytes of the server are not a TLS record.
constexpr std::array<std::string_view, 4> kNotTlsTexts{"wrong version number", "packet length too long",
                                                       "http request", "unknown protocol"};

bool contains_any(std::string_view text, std::span<const std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return text.contains(word); });
}

// Returns `text` as a part of a sentence.
std::string part_of_sentence(std::string_view text, CURLcode code) {
  std::string part(text.empty() ? std::string_view(::curl_easy_strerror(code)) : text);
  while (!part.empty() && (part.back() == '\n' || part.back() == '\r' || part.back() == '.')) part.pop_back();
  // An abbreviation keeps its letters.
  if (part.size() > 1 && lower_ascii(part[1]) == part[1]) part[0] = lower_ascii(part[0]);
  return part;
}

Error curl_interruption(const std::string& host, const std::string& why) {
  return network_error(NetworkCode::interrupted, host + ": the connection was interrupted: " + why);
}

Error untrusted_server(const std::string& host, std::string_view text) {
  const std::string why(text.starts_with(kProblem) ? text.substr(kProblem.size()) : text);
  Error error = network_error(NetworkCode::untrusted, host + ": the certificate is not trusted: " + why);
  // Another authority does not help if it has expired or is for another host.
  if (!text.contains("issuer") && !text.contains("self-signed")) return error;
  return std::move(error).with_hint("put the authority's certificate into /etc/containers/certs.d/" + host +
                                    "/ca.crt, or use --tls-verify=false");
}

// Returns "alert certificate required" of OpenSSL's "...:SSL routines::tlsv13 alert certificate required,
// errno 0".
std::string_view alert_of(std::string_view text) {
  const auto begin = text.find("alert");
  return text.substr(begin, text.find(", errno", begin) - begin);
}

// A failure in the handshake, or an alert, which TLS 1.3 may send after it.
Error tls_failure(const std::string& host, std::string_view text, CURLcode code) {
  if (contains_any(text, kNotTlsTexts)) {
    Error error = network_error(NetworkCode::not_tls, host + ": the server speaks HTTP, not HTTPS");
    return std::move(error).with_hint("--tls-verify=false allows HTTP");
  }
  if (!text.contains("alert")) return curl_interruption(host, part_of_sentence(text, code));
  Error error =
      network_error(NetworkCode::untrusted,
                    host + ": the server refuses the TLS connection: " + std::string(alert_of(text)));
  if (!text.contains("certificate")) return error;
  return std::move(error).with_hint("put a client certificate into /etc/containers/certs.d/" + host +
                                    ", as client.cert and client.key");
}

Error not_connected(const std::string& host, int os_error) {
  std::string why = os_error != 0 ? std::generic_category().message(os_error) : "cannot connect";
  why[0] = lower_ascii(why[0]);
  return network_error(NetworkCode::unreachable, host + ": " + why);
}

}  // namespace

Error curl_error(CURLcode code, const std::string& host, std::string_view text, int os_error) {
  switch (code) {
    case CURLE_OUT_OF_MEMORY:
    case CURLE_WRITE_ERROR:  // a callback without an error of its own
    case CURLE_ABORTED_BY_CALLBACK:
      return Error::system(ENOMEM, host);
    case CURLE_COULDNT_RESOLVE_HOST:
      return network_error(NetworkCode::unknown_host, host + ": unknown host");
    case CURLE_COULDNT_RESOLVE_PROXY:
      return network_error(NetworkCode::unknown_host, host + ": the proxy is an unknown host");
    case CURLE_COULDNT_CONNECT:
      return not_connected(host, os_error);
    case CURLE_OPERATION_TIMEDOUT:
      return network_error(NetworkCode::unreachable, host + ": no connection in time");
    case CURLE_PROXY:
    case CURLE_INTERFACE_FAILED:
      return network_error(NetworkCode::unreachable, host + ": " + part_of_sentence(text, code));
    case CURLE_PEER_FAILED_VERIFICATION:
      return untrusted_server(host, text);
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
      return network_error(NetworkCode::untrusted, host + ": " + part_of_sentence(text, code));
    case CURLE_SSL_CONNECT_ERROR:
      return tls_failure(host, text, code);
    case CURLE_PARTIAL_FILE:
      return Error(Errc::unexpected_eof,
                   host + ": the connection ended early: " + part_of_sentence(text, code),
                   make_error_code(NetworkCode::interrupted));
    case CURLE_GOT_NOTHING:
      return curl_interruption(host, "the server closed it without an answer");
    case CURLE_SEND_FAIL_REWIND:
      return curl_interruption(host, "it was closed while the request was sent");
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      return text.contains("alert") ? tls_failure(host, text, code)
                                    : curl_interruption(host, part_of_sentence(text, code));
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return curl_interruption(host, part_of_sentence(text, code));
    case CURLE_UNSUPPORTED_PROTOCOL:  // HTTP/0.9: no status line
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
      return network_error(NetworkCode::malformed, host + ": the answer is not HTTP");
    default:
      return Error(Errc::io, host + ": " + part_of_sentence(text, code));
  }
}

}  // namespace layoutfs
