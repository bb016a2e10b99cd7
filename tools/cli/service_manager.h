// Tells the service manager that started this program, where there is one, how it is doing.
#pragma once

#include <string_view>

namespace layoutfs::tools {

// Sends `state`, lines of VARIABLE=VALUE as of sd_notify(3), to the socket that NOTIFY_SOCKET names. Whether
// anybody hears it makes no difference to what this program does.
void notify_service_manager(std::string_view state) noexcept;

}  // namespace layoutfs::tools
