#include "tools/commands/mount_helper.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "fs/fuse/dead_mount.h"
#include "fs/fuse/fuse_session.h"
#include "fs/fuse/mount_table.h"
#include "tools/cli/command.h"
#include "tools/cli/mount_options.h"

namespace layoutfs::tools {
namespace {

constexpr int kMounted = 0;
constexpr int kWrongArguments = 1;
constexpr int kNotMounted = 32;

constexpr std::string_view kUsageLine = "usage: mount.layoutfs LAYOUT[:REF|@DIGEST] DIR [-sfnv] [-o OPTIONS]";

// Options of fstab that let ordinary users mount. mount(8) says that they imply nosuid and nodev.
constexpr std::array<std::string_view, 4> kOthersMayMount{"user", "users", "owner", "group"};

// Adds the options that mount(8) implies.
std::string spelled_out(const std::string& options) {
  std::string list;
  for (const std::string_view option : split_mount_options(options)) {
    if (!list.empty()) list += ',';
    list += option;
    if (std::ranges::find(kOthersMayMount, option) != kOthersMayMount.end()) list += ",nosuid,nodev";
  }
  return list;
}

// `mount -a` leaves out entries that are mounted already. It knows them by their source, but that of a kernel
// view differs from the one in fstab.
bool is_shown_already(const std::string& source, const std::string& directory) {
  const auto mount_point = mount_point_of(directory);
  if (!mount_point) return false;
  const auto mount = find_mount(*mount_point);
  return mount && mount->view == View::kernel && mount->source == source && !is_dead_mount(*mount_point);
}

}  // namespace

int run_mount_helper(const std::vector<std::string>& arguments,
                     const std::function<int(std::vector<std::string>)>& run) {
  std::vector<std::string> translated{"mount", "-q"};
  // mount(8) does not pass its defaults, dev and suid, to a helper, even if they are given. It passes nodev
  // and nosuid.
  if (::geteuid() == 0) translated.insert(translated.end(), {"-o", "dev,suid"});
  std::vector<std::string> operands;
  MountOptions options;
  bool is_fake = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "-o" || argument == "-t" || argument == "-N") {
      if (++i == arguments.size()) {
        print_error(argument + " needs an argument");
        return kWrongArguments;
      }
      if (argument == "-o") {
        translated.insert(translated.end(), {"-o", spelled_out(arguments[i])});
        ignore(add_mount_options(options, arguments[i]), "the command reports errors");
      }
    } else if (argument == "-h" || argument == "--help") {
      Output output;
      output << kUsageLine << "\nmount.layoutfs(8) explains the options.\n";
      return output.finish();
    } else if (argument == "-V" || argument == "--version") {
      return run({"--version"});
    } else if (argument.size() > 1 && argument[0] == '-') {
      // -s (sloppy), -n (no mtab) and -v have no effect; -f does everything except the mount.
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
    print_error(kUsageLine);
    return kWrongArguments;
  }
  if (is_fake ||
      is_shown_already(options.fsname.empty() ? operands.front() : options.fsname, operands.back()))
    return kMounted;
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
