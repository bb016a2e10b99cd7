// Status messages to the service manager, if one started this program.
#pragma once

#include <string_view>

namespace layoutfs::tools {

// Sends `state`, lines of VARIABLE=VALUE as for sd_notify(3), to the socket in NOTIFY_SOCKET. Ignores all
// errors.
void notify_service_manager(std::string_view state) noexcept;

}  // namespace layoutfs::tools
