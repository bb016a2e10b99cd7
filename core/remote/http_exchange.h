// One request and its response, driven by the thread that waits for it. Private to the HTTP client.
#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/remote/curl_options.h"
#include "core/remote/curl_pool.h"
#include "core/remote/http_client.h"

namespace layoutfs {

// libcurl moves bytes only while a thread is in one of the functions below. It hands them to the callbacks,
// which store the header, fill the buffer of read(), and pause the transfer if there is no room. Neither
// copied nor moved: the callbacks know its address.
class HttpExchange {
 public:
  HttpExchange(HttpClient::Options options, std::shared_ptr<CurlPool> pool,
               std::unique_ptr<CurlHandles> handles, std::string host, Context context);
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;
  ~HttpExchange();

  // Sends the request and waits for the header, as HttpClient::send() does. Called once.
  Status send(const HttpRequest& request, const TlsFiles& tls);
  Result<std::size_t> read(std::span<std::byte> out);

  int status() const noexcept { return status_; }
  const std::string& url() const noexcept { return url_; }
  const std::vector<std::pair<std::string, std::string>>& fields() const noexcept { return fields_; }

 private:
  using Clock = std::chrono::steady_clock;

  // Callbacks of libcurl. They end the transfer by other results than the size, with an error in error_
  // unless there is no memory.
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t on_content(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t on_upload(char* out, std::size_t size, std::size_t count, void* self) noexcept;
  static int on_request(void* self, char*, char*, int, int) noexcept;

  bool take_header_line(std::string_view line);
  std::size_t take_content(ByteView piece);
  std::size_t give_body(std::span<std::byte> out);
  // Makes `error` the end of the transfer; for callbacks, which cannot return it.
  void fail_with(Error error);

  Status set_options(const HttpRequest& request, const TlsFiles& tls);
  bool is_answered() const noexcept;
  // Lets libcurl work until `is_met()` or until the transfer is over.
  template <class Predicate>
  Status drive_until(Predicate is_met);
  void perform();
  Status wait();
  bool is_idle_for_too_long();
  void finish(CURLcode code);
  void detach() noexcept;

  const HttpClient::Options options_;
  const std::shared_ptr<CurlPool> pool_;
  std::unique_ptr<CurlHandles> handles_;  // null after the end of the transfer
  const std::string host_;                // for messages
  const Context context_;

  // The request.
  std::string url_;
  CurlList request_fields_;
  ByteSource* body_ = nullptr;
  std::uint64_t body_left_ = 0;
  bool has_expect_ = false;  // waits for "100 Continue"

  // The response.
  int status_ = 0;
  std::vector<std::pair<std::string, std::string>> fields_;
  std::size_t header_bytes_ = 0;
  bool is_header_complete_ = false;
  std::span<std::byte> out_;  // room that read() offers
  Bytes early_;               // content that arrived when there was none
  std::size_t early_begin_ = 0;

  // The transfer.
  bool is_paused_ = false;
  bool is_over_ = false;
  bool is_discarding_ = false;
  std::optional<Error> error_;              // that ended it
  int unacknowledged_ = 0;                  // bytes, when the server was found idle last
  std::optional<Clock::time_point> moved_;  // when bytes moved last, or a wait began; nullopt until connected
  std::array<char, CURL_ERROR_SIZE> message_{};
};

}  // namespace layoutfs
