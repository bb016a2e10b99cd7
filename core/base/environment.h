// Variables of the environment.
#pragma once

#include <string>
#include <string_view>

namespace layoutfs {

// Returns the value; empty if the variable is not set.
std::string environment_variable(const char* name);

// Returns the directory that the variable `name` of the XDG Base Directory Specification gives, which
// requires ignoring relative paths; otherwise `below_home` in HOME. Empty if HOME is not set, either.
std::string xdg_directory(const char* name, std::string_view below_home);

}  // namespace layoutfs
