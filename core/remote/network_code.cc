#include "core/remote/network_code.h"

#include <utility>

namespace layoutfs {
namespace {

class NetworkCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "network"; }
  std::string message(int code) const override {
    switch (static_cast<NetworkCode>(code)) {
      case NetworkCode::none:
        break;
      case NetworkCode::unknown_host:
        return "unknown host";
      case NetworkCode::unreachable:
        return "unreachable";
      case NetworkCode::untrusted:
        return "not trusted";
      case NetworkCode::not_tls:
        return "not HTTPS";
      case NetworkCode::interrupted:
        return "connection interrupted";
      case NetworkCode::malformed:
        return "not HTTP";
    }
    return "no network error";
  }
};

const std::error_category& network_category() noexcept {
  static const NetworkCategory instance;
  return instance;
}

}  // namespace

NetworkCode network_code(const Error& error) noexcept {
  if (error.detail().category() != network_category()) return NetworkCode::none;
  return static_cast<NetworkCode>(error.detail().value());
}

bool is_transient(const Error& error) noexcept {
  const auto code = network_code(error);
  return code == NetworkCode::unreachable || code == NetworkCode::interrupted;
}

std::error_code make_error_code(NetworkCode code) noexcept {
  return {static_cast<int>(code), network_category()};
}

Error network_error(NetworkCode code, std::string message) {
  return Error(Errc::io, std::move(message), make_error_code(code));
}

}  // namespace layoutfs
