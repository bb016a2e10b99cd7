#include "fs/fuse/fusermount.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "core/base/split.h"
#include "layoutfs/bytes.h"

extern char** environ;

namespace layoutfs {

CapturedOutput::CapturedOutput() : memory_(::memfd_create("layoutfs-stderr", MFD_CLOEXEC)) {}

std::string CapturedOutput::text() const {
  constexpr std::size_t kLimit = std::size_t{64} << 10;
  if (!memory_) return {};
  const auto written = read_all(memory_.get(), "stderr", kLimit);
  if (!written) return {};
  std::string joined;
  for (const std::string& line : split(as_text(*written), '\n'))
    if (!line.empty()) joined += (joined.empty() ? "" : "; ") + line;
  return joined;
}

StderrTo::StderrTo(const CapturedOutput& output) {
  if (output.fd() < 0) return;
  before_ = UniqueFd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (before_) ::dup2(output.fd(), STDERR_FILENO);
}

StderrTo::~StderrTo() {
  if (before_) ::dup2(before_.get(), STDERR_FILENO);
}

Status fusermount_unmount(const std::string& mount_point, bool lazy) {
  std::vector<std::string> words{"fusermount3", "-u"};
  if (lazy) words.emplace_back("-z");
  words.insert(words.end(), {"--", mount_point});
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  // StderrTo is unsuitable, because other threads may write at the same time.
  const CapturedOutput said;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  if (said.fd() >= 0) ::posix_spawn_file_actions_adddup2(&actions, said.fd(), STDERR_FILENO);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0)
    return fail(Errc::mount_failed, Error::system(failed, mount_point + ": fusermount3").message());
  int status = 0;
  retried([&] { return ::waitpid(child, &status, 0); });
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  std::string why = said.text();
  return fail(Errc::mount_failed,
              why.empty() ? mount_point + ": fusermount3 could not unmount it" : std::move(why));
}

}  // namespace layoutfs
