// The names of many images, written in one step.
#include "core/transfer/reference_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/transfer/images.h"

namespace layoutfs::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Descriptor batch_image(std::string_view content) { return descriptor_of(content, kManifestType); }

// ---- Writing them ----

class Batch : public ::testing::Test {
 protected:
  Descriptor put_image(std::string_view text) const {
    must(put_text(*engine, text));
    return batch_image(text);
  }
  TempDir directory;
  std::shared_ptr<Engine> engine = new_layout(directory / "layout");
};

TEST_F(Batch, AllNamesAreWrittenInOneStep) {
  ReferenceBatch batch;
  must(batch.write(*engine));
  for (int i = 0; i < 1000; ++i)
    batch.add("image" + std::to_string(i), put_image("content" + std::to_string(i)));
  EXPECT_EQ(batch.size(), 1000u);
  EXPECT_THAT(entry_names(*engine), IsEmpty());
  must(batch.write(*engine));
  EXPECT_EQ(batch.size(), 0u);
  EXPECT_EQ(entry_names(*engine).size(), 1000u);
  EXPECT_EQ(must(engine->get_reference("image7")), batch_image("content7"));
  const auto state = must(engine->references());
  for (int i = 0; i < 1000; ++i)
    batch.add("image" + std::to_string(i), batch_image("content" + std::to_string(i)));
  must(batch.write(*engine));
  EXPECT_EQ(must(engine->references()), state) << "nothing changed, and it was written again";
}

TEST_F(Batch, WhatFailsChangesNothingAndCanBeTriedAgain) {
  ReferenceBatch batch;
  batch.add("good", put_image("x"));
  batch.add("bad name", put_image("x"));
  EXPECT_EQ(failure_of(batch.write(*engine)), Errc::invalid_argument);
  EXPECT_EQ(batch.size(), 2u);
  EXPECT_THAT(entry_names(*engine), IsEmpty());
  ReferenceBatch other;
  other.add("good", put_image("x"));
  other.add("missing", batch_image("missing"));
  EXPECT_EQ(failure_of(other.write(*engine)), Errc::not_found);
  EXPECT_THAT(entry_names(*engine), IsEmpty());
  put_image("missing");
  must(other.write(*engine));
  EXPECT_THAT(entry_names(*engine), ElementsAre("good", "missing"));
}

TEST_F(Batch, KeepsNamesOfEntriesThatBreakTheGrammar) {
  Descriptor entry = put_image("x");
  entry.annotations.emplace(kRefName, "not a name!");
  ReferenceBatch batch;
  batch.add({"not a name!", entry, true});
  must(batch.write(*engine));
  EXPECT_THAT(entry_names(*engine), ElementsAre("not a name!"));
  batch.add({"another bad one!", entry, true});
  EXPECT_EQ(failure_of(batch.write(*engine)), Errc::invalid_argument) << "that is a new one";
}

TEST_F(Batch, InRefsIsRefusedBeforeAnyFileIsWritten) {
  const std::string path = directory / "refs-layout";
  const auto files =
      must(open_dir(path, {.create_if_missing = true, .created_with = ReferenceFormat::refs_dir}));
  const auto entry = [&](const char* text, const char* full, const char* name = "latest") {
    must(put_text(*files, text));
    Descriptor written = batch_image(text);
    if (*full != 0) written.annotations.emplace(kContainerdName, full);
    return NamedDescriptor{name, std::move(written), true};
  };
  const NamedDescriptor first = entry("a", "", "first"), nginx = entry("x", "nginx:latest"),
                        redis = entry("y", "redis:latest"), plain = entry("z", "");
  const struct {
    std::vector<NamedDescriptor> images;
    Errc code;
  } kCases[] = {{{first, nginx, redis}, Errc::unsupported},
                {{first, plain, redis}, Errc::unsupported},
                {{first, {"", plain.descriptor, true}}, Errc::unsupported},
                {{first, {"no/file", plain.descriptor, true}}, Errc::invalid_argument}};
  for (const auto& [images, code] : kCases) {
    ReferenceBatch batch;
    for (const NamedDescriptor& image : images) batch.add(image);
    EXPECT_EQ(failure_of(batch.write(*files)), code);
    EXPECT_THAT(must(files->list_references()), IsEmpty());
  }
  ReferenceBatch batch;
  for (const NamedDescriptor& image : {first, nginx, nginx}) batch.add(image);
  must(batch.write(*files));
  batch.add(redis);
  batch.add(entry("b", "", "second"));
  EXPECT_EQ(failure_of(batch.write(*files)), Errc::clobber);
  EXPECT_THAT(must(files->list_references()), ElementsAre("first", "latest"));
}

TEST_F(Batch, AnyNumberOfThreadsMayAdd) {
  ReferenceBatch batch;
  put_image("x");
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 100; ++i)
        batch.add("t" + std::to_string(thread) + "." + std::to_string(i), batch_image("x"));
    });
  while (batch.size() < 100) std::this_thread::yield();
  must(batch.write(*engine));
  for (auto& thread : threads) thread.join();
  must(batch.write(*engine));
  EXPECT_EQ(entry_names(*engine).size(), 400u);
}

}  // namespace
}  // namespace layoutfs::testing
