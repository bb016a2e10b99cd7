// What root is worth here (user_namespaces(7)).
#pragma once

#include <cstdint>

namespace layoutfs {

// How many users the user namespace of this process knows; 0 where the kernel does not say.
std::uint64_t known_users();

// Whether it is the one that the system began with: others know fewer users than there are numbers, and their
// root has no more rights outside than the user who made them.
bool is_first_user_namespace();

}  // namespace layoutfs
