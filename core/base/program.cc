#include "core/base/program.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"

namespace layoutfs {

Result<pid_t> start_program(std::vector<std::string> words, std::span<const Redirection> redirections,
                            ProgramSignals signals) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  for (const auto& [from, to] : redirections) ::posix_spawn_file_actions_adddup2(&actions, from, to);
  if (signals == ProgramSignals::reset) {
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, arguments[0], &actions, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return fail(Error::system(failed, words.front()));
  return child;
}

Result<bool> run_program(std::vector<std::string> words, std::span<const Redirection> redirections) {
  const auto child = start_program(std::move(words), redirections, ProgramSignals::inherited);
  if (!child) return fail(Error(child.error()));
  int status = 0;
  retried([&] { return ::waitpid(*child, &status, 0); });
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace layoutfs
