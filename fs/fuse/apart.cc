#include "fs/fuse/apart.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <limits>
#include <tuple>

#include "core/base/file.h"
#include "layoutfs/bytes.h"

namespace layoutfs {
namespace {

constexpr int kPatienceMs = 1000;
// A pipe writes this size atomically.
using AnswerText = std::array<char, 4096>;

}  // namespace

AnswerApart ask_apart(const std::function<std::size_t(std::span<char> answer)>& question) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  const UniqueFd answer(ends[0]);
  UniqueFd asked(ends[1]);
  AnswerText value{};
  const pid_t child = ::fork();
  if (child < 0) return {};
  if (child == 0) {
    // A child that waits must not hold open the caller's files: whoever reads a pipe to its end would wait
    // too.
    const auto kept = static_cast<unsigned>(asked.get());
    if (kept > 0) ::close_range(0, kept - 1, 0);
    ::close_range(kept + 1, std::numeric_limits<unsigned>::max(), 0);
    if (const std::size_t size = question(value); size > 0)
      std::ignore = ::write(asked.get(), value.data(), size);
    ::_exit(0);
  }
  asked.reset();
  pollfd waited{answer.get(), POLLIN, 0};
  if (retried([&] { return ::poll(&waited, 1, kPatienceMs); }) <= 0) {
    ::kill(child, SIGKILL);
    // A request that the server has not read ends with the process, one that it has read does not.
    if (retried([&] { return ::poll(&waited, 1, kPatienceMs); }) <= 0)
      return {.text = "", .is_waiting = true};
  }
  const ssize_t size = retried([&] { return ::read(answer.get(), value.data(), value.size()); });
  retried([&] { return ::waitpid(child, nullptr, 0); });
  return {.text = size > 0 ? std::string(value.data(), static_cast<std::size_t>(size)) : ""};
}

}  // namespace layoutfs
