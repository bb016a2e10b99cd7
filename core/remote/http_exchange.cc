#include "core/remote/http_exchange.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/select.h>

#include <algorithm>
#include <new>
#include <stop_token>
#include <utility>

#include "core/remote/curl_error.h"
#include "core/remote/network_code.h"

namespace layoutfs {
namespace {

constexpr std::size_t kEarlyContent = 64 * 1024;  // bytes

std::string_view trimmed_http(std::string_view text) noexcept {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) + 1 - first);
}

// Returns the number of bytes that the kernel has taken from libcurl and the server has not received. 0 if
// the socket's number is too large for an fd_set.
int unacknowledged_by_server(CURLM* multi) noexcept {
  fd_set reads, writes, exceptions;
  FD_ZERO(&reads);
  FD_ZERO(&writes);
  FD_ZERO(&exceptions);
  int last = -1, all = 0;
  if (::curl_multi_fdset(multi, &reads, &writes, &exceptions, &last) != CURLM_OK) return 0;
  for (int fd = 0, bytes = 0; fd <= last; ++fd)
    if (FD_ISSET(fd, &reads) && ::ioctl(fd, SIOCOUTQ, &bytes) == 0) all += bytes;
  return all;
}

}  // namespace

HttpExchange::HttpExchange(HttpClient::Options options, std::shared_ptr<CurlPool> pool,
                           std::unique_ptr<CurlHandles> handles, std::string host, Context context)
    : options_(std::move(options)),
      pool_(std::move(pool)),
      handles_(std::move(handles)),
      host_(std::move(host)),
      context_(std::move(context)) {}

HttpExchange::~HttpExchange() {
  if (!handles_) return;
  // The rest of a short body has usually arrived. Taking it keeps the connection for the next request.
  if (is_header_complete_ && body_ == nullptr) {
    is_discarding_ = true;
    if (is_paused_) ::curl_easy_pause(handles_->easy.get(), CURLPAUSE_CONT);
    int running = 0;
    ::curl_multi_perform(handles_->multi.get(), &running);
  }
  detach();
}

Status HttpExchange::send(const HttpRequest& request, const TlsFiles& tls) {
  url_ = request.url;
  body_ = request.body;
  body_left_ = request.body == nullptr ? 0 : request.body_size;
  if (auto set = set_options(request, tls); !set) return set;
  if (::curl_multi_add_handle(handles_->multi.get(), handles_->easy.get()) != CURLM_OK)
    throw std::bad_alloc();
  auto driven = drive_until([this] { return is_answered(); });
  body_ = nullptr;  // the caller may destroy it now
  if (!driven) {
    is_header_complete_ = false;
    return driven;
  }
  if (is_header_complete_) return {};  // an error behind the header is for read()
  if (error_) return fail(Error(*error_));
  return fail(network_error(NetworkCode::malformed, host_ + ": the answer has no header"));
}

// After an error status, libcurl does not send the rest of the body.
bool HttpExchange::is_answered() const noexcept {
  return is_header_complete_ && (body_left_ == 0 || status_ >= 300);
}

Result<std::size_t> HttpExchange::read(std::span<std::byte> out) {
  if (out.empty()) return 0;
  if (auto checked = context_.check(); !checked) return fail(std::move(checked).error(), host_);
  if (early_begin_ < early_.size()) {
    const ByteView piece =
        ByteView(early_).subspan(early_begin_).first(std::min(out.size(), early_.size() - early_begin_));
    copy_bytes(piece, out);
    early_begin_ += piece.size();
    if (early_begin_ == early_.size()) {
      early_.clear();
      early_begin_ = 0;
    }
    return piece.size();
  }
  out_ = out;
  if (is_paused_ && !is_over_) {
    is_paused_ = false;
    if (const CURLcode code = ::curl_easy_pause(handles_->easy.get(), CURLPAUSE_CONT); code != CURLE_OK)
      finish(code);
  }
  auto driven = drive_until([&] { return out_.size() < out.size(); });
  const std::size_t filled = out.size() - out_.size();
  out_ = {};
  if (filled > 0) return filled;
  if (!driven) return fail(std::move(driven).error());
  if (error_) return fail(Error(*error_));
  return 0;
}

template <class Predicate>
Status HttpExchange::drive_until(Predicate is_met) {
  if (moved_) moved_ = Clock::now();
  while (!is_over_ && !is_met()) {
    if (auto checked = context_.check(); !checked) return fail(std::move(checked).error(), host_);
    perform();
    if (is_over_ || is_met()) break;
    if (auto waited = wait(); !waited) return waited;
  }
  return {};
}

void HttpExchange::perform() {
  int running = 0;
  if (::curl_multi_perform(handles_->multi.get(), &running) != CURLM_OK) {
    finish(CURLE_OUT_OF_MEMORY);
    return;
  }
  int left = 0;
  if (const CURLMsg* const message = ::curl_multi_info_read(handles_->multi.get(), &left);
      message != nullptr && message->msg == CURLMSG_DONE)
    finish(message->data.result);
}

// Waits until libcurl has something to do: bytes arrive or can be sent, or one of its own timers has passed.
Status HttpExchange::wait() {
  if (is_idle_for_too_long()) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options_.idle_timeout).count();
    error_ = network_error(NetworkCode::interrupted,
                           host_ + ": nothing received for " + std::to_string(seconds) + " s");
    is_over_ = true;
    detach();
    return {};
  }
  auto until = Clock::now() + std::chrono::minutes(1);
  if (moved_) until = std::min(until, *moved_ + options_.idle_timeout);
  if (context_.deadline) until = std::min(until, *context_.deadline);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
  const std::stop_callback wake(context_.stop,
                                [multi = handles_->multi.get()] { ::curl_multi_wakeup(multi); });
  ::curl_multi_poll(handles_->multi.get(), nullptr, 0, static_cast<int>(std::max(left.count(), 0L)), nullptr);
  return {};
}

bool HttpExchange::is_idle_for_too_long() {
  if (!moved_ || Clock::now() < *moved_ + options_.idle_timeout) return false;
  // The end of a body may leave the kernel for minutes on a slow link (tcp_wmem has megabytes).
  const int before = std::exchange(unacknowledged_, unacknowledged_by_server(handles_->multi.get()));
  if (unacknowledged_ == before) return true;
  moved_ = Clock::now();
  return false;
}

void HttpExchange::finish(CURLcode code) {
  is_over_ = true;
  if (!error_ && code != CURLE_OK) {
    long os_error = 0;
    ::curl_easy_getinfo(handles_->easy.get(), CURLINFO_OS_ERRNO, &os_error);
    error_ = curl_error(code, host_, message_.data(), static_cast<int>(os_error));
  }
  detach();
}

void HttpExchange::detach() noexcept {
  ::curl_multi_remove_handle(handles_->multi.get(), handles_->easy.get());
  ::curl_easy_reset(handles_->easy.get());  // forgets the addresses of this object
  pool_->give_back(std::move(handles_));
}

Status HttpExchange::set_options(const HttpRequest& request, const TlsFiles& tls) {
  auto fields = header_of(request);
  if (!fields) return fail(std::move(fields).error(), host_);
  request_fields_ = std::move(*fields);
  has_expect_ = may_expect_continue(request);
  const CurlOptions options(handles_->easy.get());
  set_request_options(options, request, options_);
  if (auto set = set_tls_options(options, tls); !set) return fail(std::move(set).error(), host_);
  options.set(CURLOPT_HTTPHEADER, request_fields_.get());
  options.set(CURLOPT_ERRORBUFFER, message_.data());
  void* const self = this;
  options.set(CURLOPT_HEADERDATA, self);
  options.set(CURLOPT_HEADERFUNCTION, &HttpExchange::on_header);
  options.set(CURLOPT_WRITEDATA, self);
  options.set(CURLOPT_WRITEFUNCTION, &HttpExchange::on_content);
  options.set(CURLOPT_READDATA, self);
  options.set(CURLOPT_READFUNCTION, &HttpExchange::on_upload);
  options.set(CURLOPT_PREREQDATA, self);
  options.set(CURLOPT_PREREQFUNCTION, &HttpExchange::on_request);
  return {};
}

void HttpExchange::fail_with(Error error) {
  if (!error_) error_ = std::move(error);
}

int HttpExchange::on_request(void* self, char*, char*, int, int) noexcept {
  static_cast<HttpExchange*>(self)->moved_ = Clock::now();
  return CURL_PREREQFUNC_OK;
}

// Each line of each header: of informational responses, of the final one, and of the trailer behind the body.
std::size_t HttpExchange::on_header(char* data, std::size_t size, std::size_t count, void* self) noexcept {
  auto& exchange = *static_cast<HttpExchange*>(self);
  exchange.moved_ = Clock::now();
  try {
    return exchange.take_header_line({data, size * count}) ? size * count : 0;
  } catch (const std::bad_alloc&) {
    return 0;
  }
}

bool HttpExchange::take_header_line(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > options_.header_limit) {
    fail_with(network_error(NetworkCode::malformed, host_ + ": the header of the answer is too large"));
    return false;
  }
  if (is_header_complete_) return true;
  const std::string_view text = trimmed_http(line);
  if (line.starts_with("HTTP/")) {
    fields_.clear();
  } else if (text.empty()) {
    long status = 0;
    ::curl_easy_getinfo(handles_->easy.get(), CURLINFO_RESPONSE_CODE, &status);
    status_ = static_cast<int>(status);
    // libcurl repeats a request that a server has refused because of its Expect (417).
    is_header_complete_ = status_ >= 200 && !(status_ == 417 && has_expect_);
  } else if (const auto colon = text.find(':'); line[0] == ' ' || line[0] == '\t') {
    if (!fields_.empty()) (fields_.back().second += ' ') += text;  // RFC 9112, section 5.2
  } else if (colon != std::string_view::npos) {
    fields_.emplace_back(trimmed_http(text.substr(0, colon)), trimmed_http(text.substr(colon + 1)));
  }
  return true;
}

std::size_t HttpExchange::on_content(char* data, std::size_t size, std::size_t count, void* self) noexcept {
  auto& exchange = *static_cast<HttpExchange*>(self);
  exchange.moved_ = Clock::now();
  if (exchange.is_discarding_) return size * count;
  try {
    return exchange.take_content(as_bytes({data, size * count}));
  } catch (const std::bad_alloc&) {
    return 0;
  }
}

// All of a piece is taken, or nothing: libcurl keeps it then, until the transfer continues.
std::size_t HttpExchange::take_content(ByteView piece) {
  if (out_.empty() && early_.size() - early_begin_ >= kEarlyContent) {
    is_paused_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  const ByteView wanted = piece.first(std::min(piece.size(), out_.size()));
  copy_bytes(wanted, out_);
  out_ = out_.subspan(wanted.size());
  const ByteView rest = piece.subspan(wanted.size());
  early_.insert(early_.end(), rest.begin(), rest.end());
  return piece.size();
}

std::size_t HttpExchange::on_upload(char* out, std::size_t size, std::size_t count, void* self) noexcept {
  auto& exchange = *static_cast<HttpExchange*>(self);
  std::size_t given = 0;
  try {
    given = exchange.give_body(std::as_writable_bytes(std::span(out, size * count)));
  } catch (const std::bad_alloc&) {
    given = CURL_READFUNC_ABORT;
  }
  exchange.moved_ = Clock::now();  // the time that the body took is not the server's
  return given;
}

std::size_t HttpExchange::give_body(std::span<std::byte> out) {
  if (body_left_ == 0) return 0;
  if (body_ == nullptr) return CURL_READFUNC_ABORT;
  const auto filled = body_->read(out.first(std::min<std::uint64_t>(out.size(), body_left_)));
  if (!filled) {
    fail_with(Error(filled.error()));
    return CURL_READFUNC_ABORT;
  }
  if (*filled == 0) {
    fail_with(Error(Errc::unexpected_eof, host_ + ": the content to send ended " +
                                              std::to_string(body_left_) +
                                              " bytes before its announced size"));
    return CURL_READFUNC_ABORT;
  }
  body_left_ -= *filled;
  return *filled;
}

}  // namespace layoutfs
