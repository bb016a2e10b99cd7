// The ways in which the network can fail, as a code beside the kind of an error.
#pragma once

#include <cstdint>
#include <string>
#include <system_error>

#include "layoutfs/error.h"

namespace layoutfs {

enum class NetworkCode : std::uint8_t {
  none,          // not an error of the network
  unknown_host,  // the name could not be resolved; also if no name server answers
  unreachable,   // the connection was refused or not made in time
  untrusted,     // one side does not accept the certificate of the other, or a file of TlsFiles is unusable
  not_tls,       // the server speaks HTTP where HTTPS is expected
  interrupted,   // the connection was reset or closed too early, or was idle for too long
  malformed,     // the server's answer is not HTTP, or its header is too large
};

// Returns the code with which `error` was made, or NetworkCode::none.
NetworkCode network_code(const Error& error) noexcept;

// Returns whether the same request may succeed later: the server was unreachable, or the connection was
// interrupted. False for unknown hosts: only a caller that has reached the host before knows that it exists.
bool is_transient(const Error& error) noexcept;

// Allows comparisons with Error::detail(): `error.detail() == NetworkCode::unreachable`.
std::error_code make_error_code(NetworkCode code) noexcept;

// Returns an error of kind Errc::io with this code.
Error network_error(NetworkCode code, std::string message);

}  // namespace layoutfs

template <>
struct std::is_error_code_enum<layoutfs::NetworkCode> : std::true_type {};
