// How tests look at results.
#pragma once

#include <optional>
#include <ostream>
#include <source_location>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "layoutfs/error.h"
#include "layoutfs/registry_code.h"

namespace layoutfs {

// For the messages of failed tests.
inline void PrintTo(Errc code, std::ostream* out) { *out << "Errc " << static_cast<int>(code); }
inline void PrintTo(RegistryCode code, std::ostream* out) { *out << wire_code(code); }

namespace testing {

// Returns the kind of an error; nullopt if there is none.
template <class T>
std::optional<Errc> failure_of(const Result<T>& result) {
  return result ? std::nullopt : std::optional(result.error().code());
}

// The same as a code of the OCI distribution specification.
template <class T>
std::optional<RegistryCode> registry_failure_of(const Result<T>& result) {
  return result ? std::nullopt : std::optional(registry_code(result.error()));
}

// For steps that must succeed and are not under test.
template <class T>
T must(Result<T> result, std::source_location where = std::source_location::current()) {
  if (!result)
    throw std::runtime_error(std::string(where.file_name()) + ":" + std::to_string(where.line()) + ": " +
                             result.error().message());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace testing
}  // namespace layoutfs
