// Operations that walk or wait end with their Context, without having changed anything.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <functional>
#include <limits>
#include <optional>
#include <thread>

#include "layoutfs/open.h"
#include "tests/support/held_lock.h"
#include "tests/support/store.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using testing::put_text;
using testing::TempDir;

template <class T>
std::optional<Errc> failure_of(const Result<T>& result) {
  return result ? std::nullopt : std::optional(result.error().code());
}
template <class T>
T must(Result<T> result) {
  EXPECT_TRUE(result);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

constexpr std::string_view kType = "application/octet-stream";

struct Operation {
  const char* name;
  std::function<std::optional<Errc>(Engine&, const Context&)> run;
};

const Descriptor& blob() {
  static const Descriptor descriptor = testing::descriptor_of("content", kType);
  return descriptor;
}

// Those that wait for the lock of a layout with an index.json.
std::vector<Operation> locking() {
  return {
      {"put_reference",
       [](Engine& engine, const Context& context) {
         return failure_of(engine.put_reference("new", blob(), PutMode::replace, context));
       }},
      {"delete_reference",
       [](Engine& engine, const Context& context) {
         return failure_of(engine.delete_reference("latest", context));
       }},
      {"update_references",
       [](Engine& engine, const Context& context) {
         const auto remove_first = [](const References&) -> Result<ReferenceChanges> {
           return ReferenceChanges{.changed = {{0, std::nullopt}}, .added = {}};
         };
         return failure_of(engine.update_references(remove_first, context));
       }},
      {"sweep_blob",
       [](Engine& engine, const Context& context) {
         const auto seen = must(engine.references());
         constexpr auto kAnyAge = std::numeric_limits<std::int64_t>::max();
         return failure_of(engine.sweep_blob(blob().digest, *seen, kAnyAge, context));
       }},
      {"put_blob",
       [](Engine& engine, const Context& context) {
         return failure_of(put_text(engine, "content", {.context = context}));
       }},
  };
}

struct ReadOperation {
  const char* name;
  std::function<std::optional<Errc>(const LayoutReader&, const Context&)> run;
};

std::vector<ReadOperation> reading() {
  using Reader = const LayoutReader&;
  using Until = const Context&;
  return {
      {"get_blob",
       [](Reader from, Until context) { return failure_of(from.get_blob(blob().digest, context)); }},
      {"blob_status",
       [](Reader from, Until context) { return failure_of(from.blob_status(blob().digest, context)); }},
      {"blob_size",
       [](Reader from, Until context) { return failure_of(from.blob_size(blob().digest, context)); }},
      {"exists", [](Reader from, Until context) { return failure_of(from.exists(blob().digest, context)); }},
      {"blob_path",
       [](Reader from, Until context) { return failure_of(from.blob_path(blob().digest, context)); }},
      {"list_blobs",
       [](Reader from, Until context) { return failure_of(from.list_blobs(kBlobAlgorithm, context)); }},
      {"list_all_blobs", [](Reader from, Until context) { return failure_of(from.list_all_blobs(context)); }},
      {"references", [](Reader from, Until context) { return failure_of(from.references(context)); }},
      {"get_reference",
       [](Reader from, Until context) { return failure_of(from.get_reference("latest", context)); }},
      {"list_references",
       [](Reader from, Until context) { return failure_of(from.list_references(context)); }},
      {"marker", [](Reader from, Until context) { return failure_of(from.marker(context)); }},
      {"read_document",
       [](Reader from, Until context) { return failure_of(read_document(from, blob(), context)); }},
      {"BlobSource",
       [](Reader from, Until context) -> std::optional<Errc> {
         std::array<std::byte, 7> content{};
         return failure_of(BlobSource(must(from.get_blob(blob().digest)), 0, context).read(content));
       }},
  };
}

Context stopped() {
  std::stop_source source;
  source.request_stop();
  return {.stop = source.get_token(), .deadline = {}};
}

class WithAContext : public ::testing::TestWithParam<ReferenceFormat> {
 protected:
  WithAContext() {
    must(put_text(*engine, "content"));
    must(engine->put_reference("latest", blob()));
  }

  TempDir directory;
  std::string path = directory / "layout";
  std::unique_ptr<Engine> engine =
      must(open_dir(path, {.create_if_missing = true, .created_with = GetParam(), .is_durable = false}));
};

TEST_P(WithAContext, ThatHasEndedNothingIsDone) {
  const auto before = testing::state_of_tree(path);
  for (const Operation& operation : locking()) {
    if (GetParam() == ReferenceFormat::refs_dir && operation.name == std::string("update_references"))
      continue;
    EXPECT_EQ(operation.run(*engine, stopped()), Errc::cancelled) << operation.name;
  }
  for (const ReadOperation& operation : reading())
    EXPECT_EQ(operation.run(*engine, stopped()), Errc::cancelled) << operation.name;
  EXPECT_EQ(failure_of(engine->clean(stopped())), Errc::cancelled);
  EXPECT_EQ(testing::state_of_tree(path), before);
}

TEST_P(WithAContext, TheWaitForTheLockEndsWithARequestToStop) {
  for (const Operation& operation : locking()) {
    if (GetParam() == ReferenceFormat::refs_dir && operation.name == std::string("update_references"))
      continue;
    testing::HeldLock lock(path);
    ASSERT_TRUE(lock.is_held());
    std::stop_source source;
    std::optional<Errc> ended_by;
    {
      const std::jthread waiting(
          [&] { ended_by = operation.run(*engine, {.stop = source.get_token(), .deadline = {}}); });
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      source.request_stop();
    }
    EXPECT_EQ(ended_by, Errc::cancelled) << operation.name;
  }
  EXPECT_EQ(must(engine->list_references()), std::vector<std::string>{"latest"});
  EXPECT_TRUE(must(engine->exists(blob().digest)));
}

TEST_P(WithAContext, TheWaitForTheLockEndsWithADeadline) {
  for (const Operation& operation : locking()) {
    if (GetParam() == ReferenceFormat::refs_dir && operation.name == std::string("update_references"))
      continue;
    testing::HeldLock lock(path);
    ASSERT_TRUE(lock.is_held());
    const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    EXPECT_EQ(operation.run(*engine, {.stop = {}, .deadline = soon}), Errc::cancelled) << operation.name;
  }
}

TEST_P(WithAContext, TheLockIsTakenOnceItIsFree) {
  testing::HeldLock lock(path);
  ASSERT_TRUE(lock.is_held());
  std::stop_source source;
  Status put;
  {
    const std::jthread waiting([&] {
      put = engine->put_reference("new", blob(), PutMode::replace,
                                  {.stop = source.get_token(), .deadline = {}});
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    lock.release();
  }
  EXPECT_TRUE(put);
  EXPECT_TRUE(engine->get_reference("new"));
}

INSTANTIATE_TEST_SUITE_P(EveryFormat, WithAContext,
                         ::testing::Values(ReferenceFormat::index_json, ReferenceFormat::refs_dir));

TEST(ContextOfAnArchive, ThatHasEndedNothingIsDone) {
  const TempDir directory;
  const std::string path = directory / "archive.tar";
  {
    const auto writer = must(create_archive(path));
    must(put_text(*writer, "content", {.digest = blob().digest, .size = blob().size}));
    must(writer->put_reference("latest", blob()));
    for (const ReadOperation& operation : reading())
      EXPECT_EQ(operation.run(*writer, stopped()), Errc::cancelled) << operation.name;
    EXPECT_EQ(failure_of(writer->delete_reference("latest", stopped())), Errc::cancelled);
    EXPECT_EQ(failure_of(writer->clean(stopped())), Errc::cancelled);
    must(writer->finish());
  }
  const auto archive = must(open_archive(path));
  for (const ReadOperation& operation : reading())
    EXPECT_EQ(operation.run(*archive, stopped()), Errc::cancelled) << operation.name;
}

TEST(ContextOfOpening, EndsTheWaitForOthersThatMakeTheLayout) {
  const TempDir directory;
  const std::string path = directory / "layout";
  std::filesystem::create_directory(path);
  testing::HeldLock lock(path);
  ASSERT_TRUE(lock.is_held());
  const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  EXPECT_EQ(
      failure_of(open_dir(path, {.create_if_missing = true, .context = {.stop = {}, .deadline = soon}})),
      Errc::cancelled);
}

}  // namespace
}  // namespace layoutfs
