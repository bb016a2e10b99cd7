#include "tools/commands/registry_remove.h"

#include <utility>

#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

// Returns the start of the object in REPOSITORY:TAG or REPOSITORY@DIGEST. Repositories contain neither
// character.
std::size_t separator_in(std::string_view text) { return text.find_first_of(":@"); }

Result<RegistryName> parse_whole_name(const std::string& text) {
  const auto end = separator_in(text);
  if (end == std::string::npos || end == 0 || end + 1 == text.size())
    return fail(Errc::invalid_argument, "'" + text + "': expected REPOSITORY:TAG or REPOSITORY@DIGEST");
  return RegistryName{text.substr(0, end), text.substr(end + 1)};
}

bool is_unknown(const Error& error) {
  return registry_code(error) == RegistryCode::manifest_unknown ||
         registry_code(error) == RegistryCode::name_unknown;
}

}  // namespace

Result<std::vector<RegistryName>> names_of(const RegistryRemoveArguments& arguments) {
  std::vector<RegistryName> names;
  if (separator_in(arguments.repository) == std::string::npos) {
    if (arguments.names.empty())
      return fail(Errc::invalid_argument,
                  "no tag or digest in the repository '" + arguments.repository + "'");
    for (const std::string& name : arguments.names) names.push_back({arguments.repository, name});
    return names;
  }
  std::vector<std::string> texts{arguments.repository};
  texts.insert(texts.end(), arguments.names.begin(), arguments.names.end());
  for (const std::string& text : texts) {
    auto name = parse_whole_name(text);
    if (!name) return fail(std::move(name).error());
    names.push_back(std::move(*name));
  }
  return names;
}

int remove_names(const RegistryRemoveArguments& arguments, const RegistryStore& store,
                 const std::function<Status(const RegistryName&)>& remove) {
  const auto names = names_of(arguments);
  if (!names) return report(names.error());
  int code = kDone;
  for (const RegistryName& name : *names) {
    const auto removed = remove(name);
    if (removed || (arguments.is_forced && is_unknown(removed.error()))) continue;
    const int failed = report_write(store.explained(removed.error()));
    if (code == kDone) code = failed;
  }
  return code;
}

void add_remove_options(Command command, RegistryRemoveArguments& arguments, const char* kind,
                        const std::string& description) {
  arguments.registry.add_options(command);
  command.add_option("REPOSITORY", arguments.repository, "").required();
  command.add_option(kind, arguments.names, description);
  command.add_flag("-f,--force", arguments.is_forced, "Ignore missing names");
}

}  // namespace layoutfs::tools
