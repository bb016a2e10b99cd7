// Threads, and engines of their own, that change one layout at the same time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <ctime>
#include <functional>
#include <set>
#include <thread>

#include "layoutfs/open.h"
#include "tests/cas/stress.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using testing::content_of;
using testing::content_problem;
using testing::descriptor_of;
using testing::litter_of;
using testing::put_text;
using testing::rounds;
using testing::TempDir;

constexpr int kThreads = 16;

// Runs `work` in `count` threads, which begin together. The work gets its number.
void run_threads(int count, const std::function<void(int)>& work) {
  std::barrier start(count);
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i)
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      work(i);
    });
  for (auto& thread : threads) thread.join();
}

class StoreThreads : public ::testing::TestWithParam<ReferenceFormat> {
 protected:
  std::unique_ptr<Engine> open() const {
    auto engine =
        open_dir(path_, {.create_if_missing = true, .created_with = GetParam(), .is_durable = false});
    if (!engine) throw std::runtime_error(engine.error().message());
    return std::move(*engine);
  }
  Descriptor put_descriptor(const std::string& text) const { return descriptor_of(put_text(*engine_, text)); }

  TempDir directory_;
  std::string path_ = directory_ / "layout";
  std::unique_ptr<Engine> engine_ = open();
};

TEST_P(StoreThreads, PutTheSameAndDifferentBlobsAtOnce) {
  std::set<Digest> expected;
  for (int round = 0; round < rounds(); ++round) {
    const std::string shared = "shared " + std::to_string(round);
    expected.insert(Digest::of(as_bytes(content_of(shared))));
    const auto own = [&](int i) { return "of " + std::to_string(i) + " " + std::to_string(round); };
    for (int i = 0; i < kThreads; ++i) expected.insert(Digest::of(as_bytes(content_of(own(i)))));
    run_threads(kThreads, [&](int i) {
      for (const std::string& text : {shared, own(i), shared}) {
        const auto put = put_text(*engine_, content_of(text));
        ASSERT_TRUE(put) << put.error().message();
        EXPECT_EQ(put->digest, Digest::of(as_bytes(content_of(text))));
        EXPECT_EQ(content_problem(*engine_, put->digest), "");
      }
    });
  }
  const auto found = engine_->list_blobs(Algorithm::sha256).value();
  EXPECT_EQ(std::set<Digest>(found.begin(), found.end()), expected);
  for (const Digest& digest : found) EXPECT_EQ(content_problem(*engine_, digest), "");
}

TEST_P(StoreThreads, ReplaceADamagedBlobWhileOthersReadIt) {
  for (int round = 0; round < rounds(); ++round) {
    const std::string text = content_of("damaged " + std::to_string(round));
    const std::string damaged(text.size(), '\0');
    const Digest digest = Digest::of(as_bytes(text));
    const std::string file = path_ + "/" + digest.blob_path();
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    testing::write_file(file, damaged);
    run_threads(kThreads, [&](int i) {
      if (i % 2 == 0) {
        const auto put = put_text(*engine_, text);
        ASSERT_TRUE(put) << put.error().message();
        EXPECT_EQ(content_problem(*engine_, digest), "");
        return;
      }
      // Returns the damaged content or the good one, never a mixture, and never no content.
      const auto blob = engine_->get_blob(digest);
      ASSERT_TRUE(blob) << blob.error().message();
      Bytes content(text.size());
      EXPECT_EQ((*blob)->read_at(content, 0), content.size());
      EXPECT_TRUE(as_text(content) == text || as_text(content) == damaged);
    });
    EXPECT_EQ(content_problem(*engine_, digest), "");
  }
}

TEST_P(StoreThreads, LoseNoUpdateOfAReference) {
  // Each update writes all references again.
  const int updates = std::min(rounds(), 60);
  const Descriptor descriptor = put_descriptor("{}");
  const auto name_of = [](int thread, int round) {
    return "name-" + std::to_string(thread) + "-" + std::to_string(round);
  };
  // Every second thread has its own engine, like another process. All delete half of their blobs.
  run_threads(kThreads, [&](int i) {
    const auto own = i % 2 == 0 ? nullptr : open();
    Engine& engine = own == nullptr ? *engine_ : *own;
    for (int round = 0; round < updates; ++round) {
      const auto put = engine.put_reference(name_of(i, round), descriptor);
      EXPECT_TRUE(put) << put.error().message();
      if (round % 2 == 0) continue;
      EXPECT_TRUE(engine.delete_reference(name_of(i, round)).value());
    }
  });
  std::vector<std::string> expected;
  for (int i = 0; i < kThreads; ++i)
    for (int round = 0; round < updates; round += 2) expected.push_back(name_of(i, round));
  std::ranges::sort(expected);
  EXPECT_EQ(engine_->list_references().value(), expected);
  for (const std::string& name : expected) EXPECT_EQ(engine_->get_reference(name).value(), descriptor);
}

TEST_P(StoreThreads, OneWinsWhereNothingMayBeReplaced) {
  std::vector<Descriptor> descriptors;
  for (int i = 0; i < kThreads; ++i) descriptors.push_back(put_descriptor("of " + std::to_string(i)));
  const auto other = open();
  for (int round = 0; round < rounds(); ++round) {
    const std::string name = "name-" + std::to_string(round);
    std::atomic<int> winners = 0, winner = -1;
    run_threads(kThreads, [&](int i) {
      const auto index = static_cast<std::size_t>(i);
      const auto put = (i % 2 == 0 ? engine_ : other)->put_reference(name, descriptors[index]);
      if (put) {
        ++winners;
        winner = i;
      } else {
        EXPECT_EQ(put.error().code(), Errc::clobber) << put.error().message();
      }
    });
    ASSERT_EQ(winners, 1);
    EXPECT_EQ(engine_->get_reference(name).value(), descriptors[static_cast<std::size_t>(winner.load())]);
  }
}

TEST_P(StoreThreads, AReferenceThatIsReplacedIsNeverAbsentAndNeverHalf) {
  constexpr int kWriters = 6, kReaders = 6;
  std::vector<Descriptor> descriptors;
  for (int i = 0; i < kWriters; ++i) {
    descriptors.push_back(put_descriptor(std::string(static_cast<std::size_t>(i + 1), 'x')));
    descriptors.back().annotations["long"] = std::string(static_cast<std::size_t>(i) * 3000, 'y');
  }
  ASSERT_TRUE(engine_->put_reference("kept", descriptors[0]));
  ASSERT_TRUE(engine_->put_reference("name", descriptors[0]));
  const auto other = open();
  std::atomic<int> writing = kWriters, reads = 0;
  const auto write = [&](int i) {
    for (int round = 0; round < 4 * rounds(); ++round) {
      const auto& descriptor = descriptors[static_cast<std::size_t>((i + round) % kWriters)];
      const auto put = (i % 2 == 0 ? engine_ : other)->put_reference("name", descriptor, PutMode::replace);
      EXPECT_TRUE(put) << put.error().message();
    }
    --writing;
  };
  const auto read = [&](const LayoutReader& engine) {
    do {
      const auto found = engine.get_reference("name");
      ASSERT_TRUE(found) << found.error().message();
      EXPECT_TRUE(std::ranges::find(descriptors, *found) != descriptors.end()) << found->json;
      const auto all = engine.references();
      ASSERT_TRUE(all) << all.error().message();
      EXPECT_EQ((*all)->entries.size(), 2u);
      EXPECT_TRUE((*all)->problems.empty());
      const auto names = engine.list_references();
      ASSERT_TRUE(names) << names.error().message();
      EXPECT_EQ(*names, (std::vector<std::string>{"kept", "name"}));
      ++reads;
    } while (writing > 0);
  };
  run_threads(kWriters + kReaders, [&](int i) {
    if (i < kWriters) return write(i);
    const auto own = i % 2 == 0 ? nullptr : open();
    read(own == nullptr ? *engine_ : *own);
  });
  EXPECT_GE(reads, kReaders);
}

TEST_P(StoreThreads, ABlobIsThereAfterItWasPutHoweverOftenItIsDeleted) {
  const std::string text = content_of("text");
  const auto digest = Digest::of(as_bytes(text));
  const auto other = open();
  std::atomic<int> putting = kThreads / 2;
  run_threads(kThreads, [&](int i) {
    Engine& engine = i % 4 < 2 ? *engine_ : *other;
    if (i % 2 == 0) {
      while (putting > 0) {
        const auto deleted = engine.delete_blob(digest);
        ASSERT_TRUE(deleted) << deleted.error().message();
      }
      return;
    }
    for (int round = 0; round < 10 * rounds(); ++round) {
      const auto put = put_text(engine, text);
      EXPECT_TRUE(put) << put.error().message();
      // Gone again, perhaps; never a part of it.
      const auto problem = content_problem(engine, digest);
      EXPECT_TRUE(problem.empty() || problem == "absent") << problem;
    }
    --putting;
  });
  ASSERT_TRUE(put_text(*engine_, text));
  EXPECT_EQ(content_problem(*other, digest), "");
  EXPECT_TRUE(other->delete_blob(digest).value());
  EXPECT_FALSE(engine_->exists(digest).value());
}

// Returns the current file time; later puts are not older.
std::int64_t file_time_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

TEST_P(StoreThreads, ASweepNeverTakesWhatWasPutSinceItsLimit) {
  const auto other = open();
  int removed = 0, young = 0;
  for (int round = 0; round < rounds(); ++round) {
    const std::string text = content_of("round " + std::to_string(round));
    const auto digest = put_text(*engine_, text).value().digest;
    const auto old = engine_->blob_status(digest).value().value();
    while (file_time_ns() <= old.put_ns) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const std::int64_t limit = file_time_ns();
    const auto seen = engine_->references().value();
    std::atomic<int> removals = 0, spared = 0;
    std::atomic<bool> is_put = false;
    run_threads(kThreads, [&](int i) {
      Engine& engine = i % 4 < 2 ? *engine_ : *other;
      if (i % 2 == 0) {
        // In every second round, as soon as the blob exists.
        while (round % 2 == 1 && !is_put) std::this_thread::yield();
        const auto swept = engine.sweep_blob(digest, *seen, limit);
        ASSERT_TRUE(swept) << swept.error().message();
        EXPECT_NE(*swept, SweepResult::references_changed);
        if (*swept == SweepResult::removed) ++removals;
        if (*swept == SweepResult::young) ++spared;
        return;
      }
      const auto put = put_text(engine, text);
      is_put = true;
      ASSERT_TRUE(put) << put.error().message();
      EXPECT_EQ(content_problem(engine, digest), "") << "after a put, while others sweep";
    });
    EXPECT_LE(removals, 1 - round % 2);
    EXPECT_EQ(engine_->sweep_blob(digest, *seen, limit).value(), SweepResult::young);
    EXPECT_EQ(content_problem(*engine_, digest), "");
    removed += removals;
    young += spared;
  }
  EXPECT_GT(removed + young, 0);
}

TEST_P(StoreThreads, ASweepTakesNothingOnceTheReferencesHaveChanged) {
  const auto other = open();
  for (int round = 0; round < rounds(); ++round) {
    const Descriptor descriptor = put_descriptor("{\"round\":" + std::to_string(round) + "}");
    const std::string name = "name-" + std::to_string(round);
    const auto seen = engine_->references().value();
    std::atomic<bool> is_removed = false;
    Status named;
    run_threads(5, [&](int i) {
      if (i == 0) {
        named = other->put_reference(name, descriptor);
        return;
      }
      const auto swept = engine_->sweep_blob(descriptor.digest, *seen, INT64_MAX);
      ASSERT_TRUE(swept) << swept.error().message();
      if (*swept == SweepResult::removed) is_removed = true;
    });
    ASSERT_TRUE(named) << named.error().message();
    EXPECT_EQ(engine_->exists(descriptor.digest).value(), !is_removed);
    const auto again = engine_->sweep_blob(descriptor.digest, *seen, INT64_MAX);
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(*again, SweepResult::references_changed) << "the reference is there now";
    EXPECT_EQ(engine_->exists(descriptor.digest).value(), !is_removed);
  }
}

TEST_P(StoreThreads, CleaningDisturbsNobodyAtWork) {
  for (int round = 0; round < rounds(); ++round) {
    run_threads(kThreads, [&](int i) {
      // A separate engine creates and removes its folder in every round.
      const auto own = i % 2 == 0 ? open() : nullptr;
      Engine& engine = own == nullptr ? *engine_ : *own;
      if (i % 4 == 0) {
        const auto cleaned = engine.clean();
        EXPECT_TRUE(cleaned) << cleaned.error().message();
        return;
      }
      const auto put = put_text(engine, content_of(std::to_string(i) + " " + std::to_string(round)));
      ASSERT_TRUE(put) << put.error().message();
      const auto named =
          engine.put_reference("name-" + std::to_string(i), descriptor_of(put), PutMode::replace);
      EXPECT_TRUE(named) << named.error().message();
      EXPECT_EQ(content_problem(engine, put->digest), "");
    });
  }
  ASSERT_TRUE(engine_->close());
  EXPECT_THAT(litter_of(path_), ::testing::IsEmpty());
}

TEST_P(StoreThreads, AnEngineMayBeClosedWhileOthersUseIt) {
  for (int round = 0; round < rounds(); ++round) {
    auto engine = open();
    std::atomic<int> successes = 0;
    run_threads(8, [&](int i) {
      if (i == 0) {
        EXPECT_TRUE(engine->close());
        return;
      }
      for (int step = 0; step < 5; ++step) {
        const std::string text = content_of(std::to_string(i) + " " + std::to_string(step));
        const auto put = put_text(*engine, text);
        if (put) {
          ++successes;
          EXPECT_EQ(content_problem(*engine_, put->digest), "");
        } else {
          EXPECT_EQ(put.error().code(), Errc::closed) << put.error().message();
        }
      }
    });
    EXPECT_EQ(put_text(*engine, "late").error().code(), Errc::closed);
    EXPECT_LE(successes, 35);
    engine.reset();
    EXPECT_THAT(litter_of(path_), ::testing::IsEmpty());
  }
}

INSTANTIATE_TEST_SUITE_P(, StoreThreads,
                         ::testing::Values(ReferenceFormat::index_json, ReferenceFormat::refs_dir),
                         [](const auto& format) {
                           return format.param == ReferenceFormat::index_json ? "IndexJson" : "RefsDir";
                         });

}  // namespace
}  // namespace layoutfs
