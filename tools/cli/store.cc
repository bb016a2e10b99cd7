// What the commands on the store share.
#include "tools/cli/store.h"

#include <charconv>
#include <limits>
#include <utility>

#include "core/cas/dir_engine.h"
#include "core/oci/reference.h"

namespace layoutfs::tools {

void StoreArguments::add_options(Command command, const std::string& description) {
  command.add_option("LAYOUT", layout, description).required();
  add_follow_links(command, follow_links);
}

Result<Store> open_store(const StoreArguments& arguments) {
  const std::string& argument = arguments.layout;
  auto name = of_operand(parse_image_name(argument));
  if (!name) return fail(std::move(name).error());
  if (!name->reference.empty())
    return fail(Errc::invalid_argument,
                argument + ": a reference in a layout, where a layout is needed (" + name->layout + ")");
  auto engine = builtin_drivers({.follow_links = arguments.follow_links}).open(name->layout);
  if (!engine) return fail(std::move(engine).error());
  return Store{std::move(name->layout), std::move(*engine)};
}

ExitCode write_exit_code_of(const Error& error) noexcept {
  return error.code() == Errc::io ? kCannotWrite : exit_code_of(error);
}

int report_write(const Error& error) {
  print_error(error);
  return write_exit_code_of(error);
}

int remove_each(const RemoveArguments& arguments, std::string_view noun,
                const std::function<Result<bool>(Engine&, const std::string& name)>& erase) {
  const auto store = open_store(arguments.layout);
  if (!store) return report(store.error());
  int code = kDone;
  for (const std::string& name : arguments.names) {
    const int failed = report_removal(arguments, *store, noun, name, erase(*store->engine, name));
    if (code == kDone) code = failed;
  }
  return code;
}

int report_removal(const RemoveArguments& arguments, const Store& store, std::string_view noun,
                   const std::string& name, Result<bool> was_there) {
  if (!was_there) return report_write(std::move(was_there).error().with(store.path));
  if (*was_there || arguments.is_forced) return kDone;
  return report(Error(Errc::not_found, store.path + ": " + name + ": no such " + std::string(noun)));
}

int with_output(const std::function<int(Output&)>& command) {
  Output output;
  const int code = command(output);
  const int written = output.finish();
  return code != kDone ? code : written;
}

Result<std::uint64_t> parse_count(std::string_view option, std::string_view text) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  // JSON and file offsets are signed.
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() ||
      number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return fail(Errc::invalid_argument,
                std::string(option) + " " + std::string(text) + ": expected a plain number");
  return number;
}

std::string count_of(std::uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

}  // namespace layoutfs::tools
