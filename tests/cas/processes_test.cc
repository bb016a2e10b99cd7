// Several processes change one layout while another one reads it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <map>
#include <thread>

#include "layoutfs/open.h"
#include "tests/cas/stress.h"
#include "tests/faults/sample_image.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using testing::content_problem;
using ::testing::IsEmpty;
using testing::litter_of;
using testing::put_image;
using testing::rounds;
using testing::TempDir;

constexpr int kProcesses = 4;

// A run of store_actions with its output in a file.
class Process {
 public:
  Process(std::vector<std::string> arguments, std::string output) : output_(std::move(output)) {
    arguments.insert(arguments.begin(), STORE_ACTIONS);
    std::vector<char*> pointers;
    for (auto& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output_.c_str(), O_WRONLY | O_CREAT, 0644);
    const int failure = ::posix_spawn(&pid_, STORE_ACTIONS, &actions, nullptr, pointers.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) throw std::runtime_error("cannot run store_actions");
  }
  // The exit code.
  int wait() const {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    std::ifstream file(output_);
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

 private:
  pid_t pid_ = -1;
  std::string output_;
};

class StoreProcesses : public ::testing::TestWithParam<ReferenceFormat> {
 protected:
  // Starts a process for each of the arguments, all at the same time.
  std::vector<Process> start(const std::vector<std::vector<std::string>>& arguments) {
    std::vector<Process> processes;
    for (auto each : arguments) {
      each.insert(each.begin(), path_);
      processes.emplace_back(std::move(each), directory_ / ("output-" + std::to_string(++outputs_)));
    }
    return processes;
  }
  // Returns the problems of all referenced images.
  std::vector<std::string> image_problems() const {
    std::vector<std::string> problems;
    const auto references = engine_->references();
    if (!references) return {references.error().message()};
    for (const Descriptor& entry : (*references)->entries) {
      if (!read_document(*engine_, entry))
        problems.push_back(std::string(*entry.ref_name()) + " is not there");
    }
    return problems;
  }

  TempDir directory_;
  std::string path_ = directory_ / "layout";
  std::unique_ptr<Engine> engine_ =
      open_dir(path_, {.create_if_missing = true, .created_with = GetParam()}).value();
  int outputs_ = 0;
};

TEST_P(StoreProcesses, LoseNoImageAndNoReference) {
  std::vector<std::vector<std::string>> arguments;
  for (int i = 0; i < kProcesses; ++i)
    arguments.push_back({"put-images", "of-" + std::to_string(i), std::to_string(rounds())});
  auto processes = start(arguments);
  std::atomic<bool> is_done = false;
  std::jthread reader([&] {
    std::size_t names = 0;
    while (!is_done) {
      EXPECT_THAT(image_problems(), IsEmpty());
      const auto now = engine_->list_references();
      ASSERT_TRUE(now) << now.error().message();
      EXPECT_GE(now->size(), names) << "a reference was there and is not";
      names = now->size();
    }
  });
  for (const Process& process : processes) EXPECT_EQ(process.wait(), 0);
  is_done = true;
  reader.join();
  EXPECT_EQ(engine_->list_references().value().size(), static_cast<std::size_t>(kProcesses * rounds()));
  EXPECT_THAT(image_problems(), IsEmpty());
  const auto blobs = engine_->list_blobs(Algorithm::sha256).value();
  EXPECT_EQ(blobs.size(), 3 * static_cast<std::size_t>(kProcesses * rounds()));
  for (const Digest& digest : blobs) EXPECT_EQ(content_problem(*engine_, digest), "");
  EXPECT_THAT(litter_of(path_), IsEmpty());
}

TEST_P(StoreProcesses, OneWinsEachNameAndTheOthersAreTold) {
  std::vector<std::vector<std::string>> arguments;
  std::map<std::string, Descriptor> manifests;
  for (int i = 0; i < kProcesses; ++i) {
    const std::string worker = "of-" + std::to_string(i);
    arguments.push_back({"claim", worker, std::to_string(rounds())});
    manifests[worker] = put_image(*engine_, worker, 4096).value().manifest;
  }
  const auto processes = start(arguments);
  std::map<std::string, std::string> winners;
  for (std::size_t i = 0; i < processes.size(); ++i) {
    EXPECT_EQ(processes[i].wait(), 0);
    for (const std::string& name : processes[i].lines())
      EXPECT_TRUE(winners.emplace(name, arguments[i][1]).second) << name << " has two winners";
  }
  EXPECT_EQ(winners.size(), static_cast<std::size_t>(rounds()));
  for (const auto& [name, worker] : winners)
    EXPECT_EQ(engine_->get_reference(name).value().digest, manifests[worker].digest);
}

TEST_P(StoreProcesses, AReferenceThatIsReplacedIsAlwaysThere) {
  ASSERT_TRUE(engine_->put_reference("name", put_image(*engine_, "first", 4096).value().manifest));
  std::vector<std::vector<std::string>> arguments;
  for (int i = 0; i < kProcesses; ++i)
    arguments.push_back({"replace-images", "name", "of-" + std::to_string(i), std::to_string(2 * rounds())});
  const auto processes = start(arguments);
  std::atomic<bool> is_done = false;
  std::jthread reader([&] {
    do {
      const auto found = engine_->get_reference("name");
      ASSERT_TRUE(found) << found.error().message();
      EXPECT_TRUE(read_document(*engine_, *found)) << found->digest.str();
      const auto names = engine_->list_references();
      ASSERT_TRUE(names) << names.error().message();
      EXPECT_EQ(*names, std::vector<std::string>{"name"});
    } while (!is_done);
  });
  for (const Process& process : processes) EXPECT_EQ(process.wait(), 0);
  is_done = true;
}

TEST_P(StoreProcesses, CleaningRemovesNothingThatOthersWorkWith) {
  std::vector<std::vector<std::string>> arguments;
  for (int i = 0; i < kProcesses; ++i)
    arguments.push_back({"put-images", "of-" + std::to_string(i), std::to_string(rounds())});
  const auto processes = start(arguments);
  std::atomic<bool> is_done = false;
  std::jthread cleaner([&] {
    do {
      const auto cleaned = engine_->clean();
      ASSERT_TRUE(cleaned) << cleaned.error().message();
    } while (!is_done);
  });
  for (const Process& process : processes) EXPECT_EQ(process.wait(), 0);
  is_done = true;
  cleaner.join();
  EXPECT_EQ(engine_->list_references().value().size(), static_cast<std::size_t>(kProcesses * rounds()));
  EXPECT_THAT(image_problems(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(, StoreProcesses,
                         ::testing::Values(ReferenceFormat::index_json, ReferenceFormat::refs_dir),
                         [](const auto& format) {
                           return format.param == ReferenceFormat::index_json ? "IndexJson" : "RefsDir";
                         });

}  // namespace
}  // namespace layoutfs
