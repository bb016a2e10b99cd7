// Threads and processes at work in one registry, and processes that are killed while they are.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <csignal>
#include <cstdio>
#include <memory>
#include <random>
#include <thread>

#include "layoutfs/registry.h"
#include "tests/registry/ledger.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using testing::blob_problems;
using ::testing::IsEmpty;
using testing::kShop;
using testing::kStore;
using testing::Ledger;
using testing::RegistryWorker;
using testing::rounds;
using testing::TempDir;

using Facts = std::vector<std::string>;

enum class Kind { one_layout, tree };

class RegistryStress : public ::testing::TestWithParam<Kind> {
 protected:
  RegistryStress() {
    // The tags that are only ever moved.
    const auto registry = open();
    RegistryWorker first(*registry, shop(), "first", 0, [&](const std::string& fact) { ledger_.add(fact); });
    for (int i = 0; i < testing::kSharedTags; ++i) {
      const auto pushed =
          first.push_image(testing::shared_tag(static_cast<std::uint64_t>(i)), "the first image");
      if (!pushed) throw std::runtime_error(pushed.error().message());
    }
  }

  std::unique_ptr<Registry> open() const {
    constexpr auto kOpen = [](Kind kind) {
      return kind == Kind::one_layout ? &open_registry : &open_repositories;
    };
    auto registry = kOpen(GetParam())(path_, {.is_durable = false});
    if (!registry) throw std::runtime_error(registry.error().message());
    return std::move(*registry);
  }
  std::string layout_of(std::string_view repository) const {
    return GetParam() == Kind::one_layout ? path_ : path_ + "/" + std::string(repository);
  }
  std::string shop() const { return layout_of(kShop); }

  // Called when no worker is running.
  void check_everything() {
    const auto registry = open();
    EXPECT_THAT(ledger_.check_tags(*registry), IsEmpty());
    EXPECT_THAT(ledger_.check_uploads(*registry, shop()), IsEmpty());
    EXPECT_THAT(blob_problems(shop()), IsEmpty());
    if (!std::filesystem::exists(layout_of(kStore))) return;
    EXPECT_THAT(blob_problems(layout_of(kStore)), IsEmpty());
  }
  void add(const Facts& facts) {
    for (const std::string& fact : facts) ledger_.add(fact);
  }
  void expect_no_litter() const { EXPECT_THAT(testing::litter_of(shop()), IsEmpty()); }

  TempDir directory_;
  std::string path_ = directory_ / "registry";
  Ledger ledger_;
  const std::uint64_t seed_ = std::random_device{}();
  const ::testing::ScopedTrace trace_{__FILE__, __LINE__, "seed " + std::to_string(seed_)};
};

class RegistryThreads : public RegistryStress {};

TEST_P(RegistryThreads, LoseNothing) {
  constexpr std::size_t kThreads = 8;
  const auto shared = open();
  std::vector<Facts> facts(kThreads);
  std::barrier start(static_cast<std::ptrdiff_t>(kThreads));
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      // Every other thread has a separate registry, like another process.
      const auto own = i % 2 == 0 ? nullptr : open();
      RegistryWorker worker(own == nullptr ? *shared : *own, shop(), "worker-" + std::to_string(i), seed_ + i,
                            [&](const std::string& fact) { facts[i].push_back(fact); });
      start.arrive_and_wait();
      for (int step = 0; step < 5 * rounds(); ++step) {
        const auto done = worker.do_something();
        ASSERT_TRUE(done) << "worker " << i << ", step " << step << ": " << done.error().message();
      }
    });
  threads.clear();
  for (const Facts& each : facts) add(each);
  check_everything();
}

TEST_P(RegistryThreads, NeverSeeATagThatMovesAbsentOrHalf) {
  constexpr int kWriters = 4, kReaders = 4;
  const auto shared = open();
  std::vector<Facts> facts(kWriters);
  std::atomic<int> writing = kWriters;
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < kWriters; ++i)
    threads.emplace_back([&, i] {
      const auto own = i % 2 == 0 ? nullptr : open();
      RegistryWorker worker(own == nullptr ? *shared : *own, shop(), "worker-" + std::to_string(i), seed_ + i,
                            [&](const std::string& fact) { facts[i].push_back(fact); });
      for (int round = 0; round < 2 * rounds(); ++round) {
        const auto pushed =
            worker.push_image(testing::shared_tag(0), std::to_string(i) + " " + std::to_string(round));
        EXPECT_TRUE(pushed) << pushed.error().message();
      }
      --writing;
    });
  for (int i = 0; i < kReaders; ++i)
    threads.emplace_back([&, i] {
      const auto own = i % 2 == 0 ? nullptr : open();
      Registry& registry = own == nullptr ? *shared : *own;
      do {
        EXPECT_EQ(testing::image_problem(registry, testing::shared_tag(0)), "");
        const auto names = registry.repositories();
        ASSERT_TRUE(names) << names.error().message();
        EXPECT_EQ(*names, std::vector<std::string>{std::string(kShop)});
      } while (writing > 0);
    });
  threads.clear();
  for (const Facts& each : facts) add(each);
  check_everything();
}

// A worker in a separate process.
class Process {
 public:
  Process(std::vector<std::string> arguments, std::string errors) : errors_(std::move(errors)) {
    arguments.insert(arguments.begin(), REGISTRY_ACTIONS);
    std::vector<char*> pointers;
    for (auto& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors_.c_str(), O_WRONLY | O_CREAT, 0644);
    const int failure = ::posix_spawn(&pid_, REGISTRY_ACTIONS, &actions, nullptr, pointers.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    if (failure != 0) throw std::runtime_error("cannot run registry_actions");
    output_ = ::fdopen(ends[0], "r");
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() { std::fclose(output_); }

  // Returns its output until it is killed, after this number of facts.
  Facts facts_until(std::size_t most) {
    Facts facts;
    char line[256];
    while (std::fgets(line, sizeof line, output_) != nullptr) {
      const std::string fact = line;
      // An incomplete line does not count.
      if (fact.ends_with('\n')) facts.push_back(fact.substr(0, fact.size() - 1));
      if (facts.size() == most) ::kill(pid_, SIGKILL);
    }
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
      ADD_FAILURE() << "it has ended by itself: " << testing::file_text(errors_);
    return facts;
  }

 private:
  pid_t pid_ = -1;
  std::string errors_;
  std::FILE* output_ = nullptr;
};

class RegistryProcesses : public RegistryStress {
 protected:
  // Runs workers, each of which is killed after its number of facts.
  void work(const std::vector<std::size_t>& facts_of_each, std::uint64_t seed) {
    const std::string action = GetParam() == Kind::one_layout ? "work" : "work-in-tree";
    std::vector<Facts> facts(facts_of_each.size());
    std::vector<std::jthread> readers;
    for (std::size_t i = 0; i < facts.size(); ++i)
      readers.emplace_back([&, i] {
        const std::string name = "worker-" + std::to_string(i);
        Process process({path_, action, name, std::to_string(seed + i)}, directory_ / (name + "-errors"));
        facts[i] = process.facts_until(facts_of_each[i]);
        EXPECT_GE(facts[i].size(), facts_of_each[i]);
      });
    readers.clear();
    for (const Facts& each : facts) add(each);
  }
};

TEST_P(RegistryProcesses, LoseNothing) {
  const auto facts = static_cast<std::size_t>(15 * rounds());
  work({facts, facts, facts, facts}, seed_);
  check_everything();
}

TEST_P(RegistryProcesses, WhoAreKilledLoseNothing) {
  std::mt19937_64 random(seed_);
  for (int round = 0; round < rounds(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    work({1 + random() % 40, 1 + random() % 40, 1 + random() % 40}, random());
    check_everything();
    if (HasFailure()) return;
  }
  EXPECT_GT(ledger_.uploads_there(), rounds());
  EXPECT_GT(ledger_.uploads_gone(), rounds());
  const auto engine = open_dir(shop());
  ASSERT_TRUE(engine) << engine.error().message();
  ASSERT_TRUE((*engine)->clean());
  expect_no_litter();
  check_everything();
}

constexpr auto name_of_kind = [](const auto& kind) {
  return kind.param == Kind::one_layout ? "OneLayout" : "Tree";
};
INSTANTIATE_TEST_SUITE_P(, RegistryThreads, ::testing::Values(Kind::one_layout, Kind::tree), name_of_kind);
INSTANTIATE_TEST_SUITE_P(, RegistryProcesses, ::testing::Values(Kind::one_layout, Kind::tree), name_of_kind);

}  // namespace
}  // namespace layoutfs
