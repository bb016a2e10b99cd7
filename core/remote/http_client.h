// Requests over HTTP/1.1 and HTTP/2, with responses that are read as they arrive.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/remote/network_code.h"
#include "core/remote/tls_files.h"
#include "layoutfs/bytes.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

class CurlPool;
class HttpExchange;

struct HttpRequest {
  std::string method = "GET";
  std::string url;                                          // absolute, http or https
  std::vector<std::pair<std::string, std::string>> fields;  // of the header
  ByteSource* body = nullptr;                               // sent once, in order; used until send() returns
  std::uint64_t body_size = 0;                              // bytes of `body`, if there is one
};

// The status, the header, and the body as it arrives. For one thread at a time. May outlive the client.
//
// Memory: at most 64 KiB of the body, and the buffers of libcurl (256 KiB), wait for read(). A server that
// sends faster is slowed down.
class HttpResponse final : public ByteSource {
 public:
  explicit HttpResponse(std::unique_ptr<HttpExchange> exchange);
  HttpResponse(const HttpResponse&) = delete;
  HttpResponse& operator=(const HttpResponse&) = delete;
  // Ends the transfer. The connection is kept for later requests if the whole body has arrived.
  ~HttpResponse() override;

  int status() const noexcept;
  // Returns the value of the first field of that name, ignoring case.
  std::optional<std::string_view> field(std::string_view name) const;
  // Returns the values of all fields of that name, in their order.
  std::vector<std::string_view> fields(std::string_view name) const;
  // Returns the URL of the request.
  const std::string& url() const noexcept;

  // Reads the body, without the encoding of the transfer. Waits until there is at least one byte.
  // Errc::unexpected_eof if the connection ended before the end of the body, Errc::io with a NetworkCode if
  // it failed otherwise, Errc::cancelled if the Context of the request ends.
  Result<std::size_t> read(std::span<std::byte> out) override;

 private:
  std::unique_ptr<HttpExchange> exchange_;
};

// Thread-safe. Connections are kept for later requests to the same host. Does not follow redirects, does not
// ask for compressed content, and uses the proxies of the environment (https_proxy and so on), as curl does.
//
// After a fork(2), only one of both processes may use a client that has sent a request before.
class HttpClient {
 public:
  struct Options {
    std::string user_agent = "layoutfs";
    std::chrono::milliseconds connect_timeout{30'000};  // for name, connection and TLS
    std::chrono::milliseconds idle_timeout{60'000};     // of a wait for the server in which no byte moves
    std::size_t header_limit = 64 * 1024;               // bytes of a response's header
  };

  HttpClient() : HttpClient(Options()) {}
  explicit HttpClient(Options options);
  ~HttpClient();

  // Sends a request and returns the response when its header is complete; informational responses (1xx) are
  // skipped. A response of any status is a success here. `context` also ends the reading of the body. A
  // server may answer before it has read the body of the request; the rest of a body is not sent after an
  // error status. If it also closes the connection at once, its answer may be lost (interrupted).
  //
  // Errc::invalid_argument if the request is malformed: its URL, its method, or a field. The error of the
  // body if reading it fails, or Errc::unexpected_eof if it is shorter than announced; a longer one is not
  // read further. Errc::io with a NetworkCode if the network fails. Errc::cancelled if `context` ends. Cost:
  // a connection, if none is idle.
  Result<std::unique_ptr<HttpResponse>> send(const HttpRequest& request, const TlsFiles& tls,
                                             const Context& context) const;

 private:
  Options options_;
  std::shared_ptr<CurlPool> pool_;
};

}  // namespace layoutfs
