#include "fs/fuse/fusermount.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <span>
#include <utility>
#include <vector>

#include "core/base/program.h"
#include "core/base/split.h"
#include "layoutfs/bytes.h"

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
  // StderrTo is unsuitable, because other threads may write at the same time.
  const CapturedOutput said;
  const Redirection captured{said.fd(), STDERR_FILENO};
  const auto is_done = run_program(std::move(words), std::span(&captured, said.fd() >= 0 ? 1 : 0));
  if (!is_done) return fail(Errc::mount_failed, mount_point + ": " + is_done.error().message());
  if (*is_done) return {};
  std::string why = said.text();
  return fail(Errc::mount_failed,
              why.empty() ? mount_point + ": fusermount3 could not unmount it" : std::move(why));
}

}  // namespace layoutfs
