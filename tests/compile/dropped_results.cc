// Code that must not compile, one numbered case each; case 0 must compile. CMakeLists.txt compiles one case
// at a time.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fs/tree/filesystem.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"

namespace layoutfs {

Status write_down();
Result<int> count();
Result<std::unique_ptr<Engine>> open();

// Results are made, passed on and examined like those of std::expected.
Result<std::shared_ptr<Engine>> shared() { return open(); }
Result<std::vector<int>> nothing() { return {}; }
Result<std::string> text() { return "text"; }
Result<std::optional<int>> no_number() { return std::nullopt; }
Result<bool> with_context() {
  auto number = count();
  if (!number) return fail(std::move(number).error(), "counting");
  return *number > 0;
}
Result<bool> copied(Result<bool>& other) {
  Result<bool> result = other;
  result = true;
  result = fail(Errc::io, "no");
  return result;
}
Result<int> from_standard() { return std::expected<int, Error>(1); }
std::expected<int, Error> to_standard() { return count(); }
constexpr Answer<int> kOne = 1;
static_assert(kOne == 1 && kOne == kOne && !std::is_copy_constructible_v<Result<std::unique_ptr<Engine>>>);

Status all(const LayoutReader& engine, const Digest& digest, Filesystem& filesystem) {
  if (auto written = write_down(); !written) return written;
  const std::function<Status()> later = write_down;
  ignore(later(), "the first one has worked");
  ignore(filesystem.attributes(kRootNumber), "it is for the kernel");
  return engine.exists(digest).value_or(false) ? Status() : fail(Errc::not_found, "no such blob");
}

// These must not be dropped.
void drops_a_status() { write_down(); }         // -Wunused-result
void drops_a_value() { count(); }               // -Wunused-result
void drops_what_cannot_be_copied() { open(); }  // -Wunused-result
void drops_what_an_interface_returns(Engine& engine) {
  engine.delete_reference("latest");  // -Wunused-result
}
void drops_what_a_function_object_returns(const std::function<Status()>& later) {
  later();  // -Wunused-result
}
void drops_an_errno(Filesystem& filesystem) { filesystem.attributes(kRootNumber); }  // -Wunused-result
Status forgets_return() {
  fail(Errc::io, "cannot be written");  // -Wunused-result
  return {};
}
void never_looks_at_a_status() { const auto written = write_down(); }  // -Wunused-variable
void never_looks_at_a_value() { Result<int> number = count(); }        // -Wunused-variable

}  // namespace layoutfs
