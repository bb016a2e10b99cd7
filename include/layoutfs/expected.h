// A value or an error, which a caller cannot ignore by mistake.
#pragma once

#include <expected>
#include <string_view>
#include <type_traits>
#include <utility>

namespace layoutfs {

// std::expected with a warning if a call discards it, or if a variable that holds it is never used. Converts
// from and to std::expected of the same types. Use ignore() to discard one on purpose.
template <class T, class E>
class [[nodiscard("handle the error, or ignore() it and say why"), gnu::warn_unused]] Expected
    : public std::expected<T, E> {
  using Base = std::expected<T, E>;

 public:
  using Base::Base;
  Expected() = default;
  Expected(Base&& other) : Base(std::move(other)) {}

  // Compares as std::expected does; its own operators are ambiguous for a derived class.
  template <class Other>
  friend constexpr bool operator==(const Expected& result, const Other& other) {
    using Known = std::conditional_t<std::is_same_v<Other, Expected>, Base, Other>;
    return static_cast<const Base&>(result) == static_cast<const Known&>(other);
  }
};

// Discards `result` and documents the reason: `ignore(writer->cancel(), "the first error is returned")`.
template <class T, class E>
constexpr void ignore([[maybe_unused]] const Expected<T, E>& result,
                      [[maybe_unused]] std::string_view reason) noexcept {}

}  // namespace layoutfs
