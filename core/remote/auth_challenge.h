// The WWW-Authenticate field of a response (RFC 9110, section 11.6.1), as registries use it (distribution
// specification, "Token Authentication").
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace layoutfs {

// One challenge: the way in which a host wants to know its user.
struct AuthChallenge {
  enum class Scheme { basic, bearer };
  Scheme scheme = Scheme::basic;
  // For `bearer`: the URL of the token server, and the parameters for it; empty if absent.
  std::string realm, service, scope;
};

// Returns the best challenge that layoutfs can answer among those of several fields: `bearer` before `basic`;
// nullopt if there is none. Skips other schemes and malformed challenges.
std::optional<AuthChallenge> best_challenge(std::span<const std::string_view> fields);

}  // namespace layoutfs
