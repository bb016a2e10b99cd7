#include "tools/mount_helper.h"

#include "tools/command.h"

namespace layoutfs::tools {
namespace {

constexpr int kMounted = 0;
constexpr int kWrongArguments = 1;
constexpr int kNotMounted = 32;

}  // namespace

int run_mount_helper(const std::vector<std::string>& arguments,
                     const std::function<int(std::vector<std::string>)>& run) {
  std::vector<std::string> translated{"mount", "-q"};
  std::vector<std::string> operands;
  bool is_fake = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "-o" || argument == "-t" || argument == "-N") {
      if (++i == arguments.size()) {
        print_error(argument + " needs an argument");
        return kWrongArguments;
      }
      if (argument == "-o") translated.insert(translated.end(), {"-o", arguments[i]});
    } else if (argument.size() > 1 && argument[0] == '-') {
      // -s (sloppy), -n (no mtab) and -v change nothing here; -f means to do everything but mount.
      if (argument.find_first_not_of("-sfnv") != std::string::npos) {
        print_error("unknown option " + argument);
        return kWrongArguments;
      }
      is_fake |= argument.find('f') != std::string::npos;
    } else {
      operands.push_back(argument);
    }
  }
  if (operands.size() != 2) {
    print_error("usage: mount.layoutfs LAYOUT[:REF] DIR [-sfnv] [-o OPTIONS]");
    return kWrongArguments;
  }
  if (is_fake) return kMounted;
  translated.push_back("--");
  translated.insert(translated.end(), operands.begin(), operands.end());
  switch (run(std::move(translated))) {
    case kDone:
      return kMounted;
    case kUsage:
      return kWrongArguments;
    default:
      return kNotMounted;
  }
}

}  // namespace layoutfs::tools
