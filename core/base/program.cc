#include "core/base/program.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"

namespace layoutfs {

Result<bool> run_program(std::vector<std::string> words, std::span<const Redirection> redirections) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (const auto& [from, to] : redirections) ::posix_spawn_file_actions_adddup2(&actions, from, to);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return fail(Error::system(failed, words.front()));
  int status = 0;
  retried([&] { return ::waitpid(child, &status, 0); });
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace layoutfs
