// Runs a program with a file in memory as its input, and with two pipes that one thread polls.
#include "core/base/captured_program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include "core/base/file.h"
#include "core/base/program.h"

namespace layoutfs {
namespace {

using Clock = std::chrono::steady_clock;

// How late an end of the program, or of the context, may be noticed.
constexpr std::chrono::milliseconds kPollInterval{10};

// Moves a descriptor away from 0 to 2, which are free if the caller has closed them: the redirections of the
// program would overwrite it.
UniqueFd moved_up(UniqueFd fd) {
  if (fd.get() < 0 || fd.get() > STDERR_FILENO) return fd;
  return UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

struct CapturePipe {
  UniqueFd reader, writer;
  std::string text;

  Status open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(Error::system(errno, "pipe"));
    reader = moved_up(UniqueFd(ends[0]));
    writer = moved_up(UniqueFd(ends[1]));
    if (!reader || !writer || ::fcntl(reader.get(), F_SETFL, O_NONBLOCK) != 0)
      return fail(Error::system(errno, "pipe"));
    return {};
  }

  // Reads all bytes that have arrived. Closes the reader at the end. Returns false if there is more than
  // `limit`.
  bool read_available(std::size_t limit) {
    std::array<char, 4096> block;
    while (reader) {
      const auto size = retried([&] { return ::read(reader.get(), block.data(), block.size()); });
      if (size < 0 && errno == EAGAIN) break;
      if (size <= 0)
        reader.reset();
      else
        text.append(block.data(), static_cast<std::size_t>(size));
      if (text.size() > limit) return false;
    }
    return true;
  }
};

// A pipe would need a writer that is ready for a program that does not read, and SIGPIPE.
Result<UniqueFd> file_of_input(std::string_view input) {
  UniqueFd file = moved_up(UniqueFd(::memfd_create("input", MFD_CLOEXEC)));
  if (!file) return fail(Error::system(errno, "memfd_create"));
  if (auto written = pwrite_all(file.get(), as_bytes(input), 0, "input"); !written)
    return fail(std::move(written).error());
  return file;
}

// Ends and reaps the program, if that has not happened before.
class Child {
 public:
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    retried([&] { return ::waitpid(pid_, nullptr, 0); });
  }

  Status start(std::vector<std::string> words, int input, int output, int errors) {
    const std::array redirections{Redirection{input, STDIN_FILENO}, Redirection{output, STDOUT_FILENO},
                                  Redirection{errors, STDERR_FILENO}};
    const auto started = start_program(std::move(words), redirections, ProgramSignals::reset);
    if (!started) return fail(Error(started.error()));
    pid_ = *started;
    return {};
  }

  // Returns whether it has ended, without waiting.
  bool has_ended() {
    if (pid_ <= 0) return true;
    int status = 0;
    const pid_t found = retried([&] { return ::waitpid(pid_, &status, WNOHANG); });
    if (found == 0) return false;
    pid_ = -1;
    // A caller that ignores SIGCHLD has no status (ECHILD).
    if (found > 0) status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
  }
  int status() const { return status_; }

 private:
  pid_t pid_ = -1;
  int status_ = 0;
};

}  // namespace

Result<CapturedProgram> run_and_capture(std::vector<std::string> words, std::string_view input,
                                        const CaptureLimits& limits, const Context& context) {
  const std::string name = words.front();
  CapturePipe output, errors;
  auto input_file = file_of_input(input);
  if (!input_file) return fail(std::move(input_file).error(), name);
  for (CapturePipe* const pipe : {&output, &errors})
    if (auto opened = pipe->open(); !opened) return fail(std::move(opened).error(), name);
  Child child;
  if (auto started =
          child.start(std::move(words), input_file->get(), output.writer.get(), errors.writer.get());
      !started)
    return fail(std::move(started).error());
  output.writer.reset();
  errors.writer.reset();

  const auto deadline = Clock::now() + limits.time;
  while (true) {
    // The last output was written before the end, so this order misses nothing.
    const bool has_ended = child.has_ended();
    if (!output.read_available(limits.bytes) || !errors.read_available(limits.bytes))
      return fail(Errc::unsupported, name + ": wrote more than " + std::to_string(limits.bytes) + " bytes");
    if (has_ended) return CapturedProgram{child.status(), std::move(output.text), std::move(errors.text)};
    if (auto checked = context.check(); !checked) return fail(std::move(checked).error(), name);
    if (Clock::now() >= deadline)
      return fail(Errc::cancelled,
                  name + ": did not end within " + std::to_string(limits.time.count()) + " ms");
    // poll() ignores the negative descriptors of closed pipes.
    std::array<pollfd, 2> waited = {pollfd{output.reader.get(), POLLIN, 0}, {errors.reader.get(), POLLIN, 0}};
    ::poll(waited.data(), waited.size(), static_cast<int>(kPollInterval.count()));
  }
}

}  // namespace layoutfs
