// Written archives, read by this program and by tar(1).
#include "layoutfs/open.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "layoutfs/blob_batch.h"
#include "tests/support/layout_writer.h"
#include "tests/support/store.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::names_in;
using testing::read_text;
using testing::TempDir;

class NewArchive : public ::testing::Test {
 protected:
  Result<PutResult> put(std::string_view text, Algorithm algorithm = kBlobAlgorithm) const {
    MemorySource content(as_bytes(text));
    return writer->put_blob(content, {.digest = Digest::of(as_bytes(text), algorithm), .size = text.size()});
  }
  Descriptor put_image(std::string_view text) const {
    EXPECT_TRUE(put(text));
    return testing::descriptor_of(text, testing::kManifestType);
  }

  TempDir directory;
  std::string folder = directory / "archives";
  bool is_made = std::filesystem::create_directory(folder);
  std::string path = folder + "/image.tar";
  std::unique_ptr<ArchiveWriter> writer = create_archive(path).value();
};

TEST_F(NewArchive, IsReadAsItWasWritten) {
  const std::string large(700'001, 'x');
  const auto image = put_image("image");
  ASSERT_TRUE(put(large));
  ASSERT_TRUE(put("", Algorithm::sha512));
  ASSERT_TRUE(writer->put_reference("app:1.0", image));
  ASSERT_TRUE(writer->finish());
  const auto engine = open_archive(path).value();
  EXPECT_EQ(engine->list_all_blobs()->size(), 3u);
  for (const std::string_view text : {std::string_view("image"), std::string_view(large)})
    EXPECT_EQ(read_text(*engine->get_blob(Digest::of(as_bytes(text))).value()), text);
  EXPECT_EQ(read_text(*engine->get_blob(Digest::of({}, Algorithm::sha512)).value()), "");
  EXPECT_EQ(engine->get_reference("app:1.0")->digest, image.digest);
  EXPECT_THAT(names_in(folder), ElementsAre("image.tar"));
  EXPECT_EQ(std::filesystem::file_size(path) % 10240, 0u);
}

TEST_F(NewArchive, UnpacksToALayout) {
  const auto image = put_image("image");
  ASSERT_TRUE(put("other", Algorithm::sha512));
  ASSERT_TRUE(writer->put_reference("app", image));
  ASSERT_TRUE(writer->finish());
  const std::string unpacked = directory / "unpacked";
  std::filesystem::create_directory(unpacked);
  ASSERT_EQ(std::system(("tar -C " + unpacked + " -xf " + path).c_str()), 0);
  const auto engine = open_dir(unpacked).value();
  EXPECT_THAT(engine->list_references().value(), ElementsAre("app"));
  EXPECT_EQ(read_text(*engine->get_blob(image.digest).value()), "image");
  EXPECT_EQ(read_text(*engine->get_blob(Digest::of(as_bytes("other"), Algorithm::sha512)).value()), "other");
}

TEST_F(NewArchive, HasNoNameBeforeItIsFinished) {
  ASSERT_TRUE(put("content"));
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(read_text(*writer->get_blob(Digest::of(as_bytes("content"))).value()), "content");
  writer.reset();
  EXPECT_THAT(names_in(folder), IsEmpty());
}

TEST_F(NewArchive, OfBlobsThatAreNotWhatTheyAreSaidToBeIsNotFinished) {
  MemorySource wrong(as_bytes("wrong"));
  const Digest digest = Digest::of(as_bytes("right"));
  EXPECT_EQ(writer->put_blob(wrong, {.digest = digest, .size = 5}).error().code(), Errc::digest_invalid);
  EXPECT_FALSE(writer->exists(digest).value());
  EXPECT_EQ(writer->finish().error().code(), Errc::failed_precondition);
  EXPECT_EQ(writer->finish().error().code(), Errc::closed);
  writer.reset();
  EXPECT_THAT(names_in(folder), IsEmpty());
}

TEST_F(NewArchive, RefusesContentOfAnotherSizeAndBlobsOfNone) {
  for (const std::uint64_t size : {4u, 6u}) {
    MemorySource content(as_bytes("right"));
    EXPECT_EQ(
        writer->put_blob(content, {.digest = Digest::of(as_bytes("right")), .size = size}).error().code(),
        Errc::size_invalid);
  }
  MemorySource content(as_bytes("right"));
  EXPECT_EQ(writer->put_blob(content, {}).error().code(), Errc::invalid_argument);
}

TEST_F(NewArchive, TakesTheSameBlobTwiceAndWritesItOnce) {
  ASSERT_TRUE(put("content"));
  ASSERT_TRUE(put("content"));
  MemorySource other(as_bytes("c0ntent"));
  EXPECT_EQ(writer->put_blob(other, {.digest = Digest::of(as_bytes("content")), .size = 7}).error().code(),
            Errc::digest_invalid);
  ASSERT_TRUE(writer->finish());
  EXPECT_EQ(open_archive(path).value()->list_all_blobs()->size(), 1u);
}

TEST_F(NewArchive, IsWrittenByManyThreads) {
  constexpr int kMany = 400, kThreads = 4;
  const auto text_of = [](int n) {
    return std::string(static_cast<std::size_t>(n) * 97, 'a') + std::to_string(n);
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([&, i] {
        // Two of them put the same.
        for (int n = i / 2; n < kMany; n += kThreads / 2) EXPECT_TRUE(put(text_of(n)));
        EXPECT_TRUE(writer->put_reference("thread-" + std::to_string(i), put_image(text_of(i))));
      });
  }
  ASSERT_TRUE(writer->finish());
  const auto engine = open_archive(path).value();
  EXPECT_EQ(engine->list_references()->size(), static_cast<std::size_t>(kThreads));
  for (int n = 0; n < kMany; ++n)
    EXPECT_EQ(read_text(*engine->get_blob(Digest::of(as_bytes(text_of(n)))).value()), text_of(n));
}

TEST_F(NewArchive, ReplacesNothing) {
  EXPECT_EQ(create_archive(directory / "missing/image.tar").error().code(), Errc::not_found);
  testing::write_file(path, "somebody else's");
  EXPECT_EQ(create_archive(path).error().code(), Errc::already_exists);
  EXPECT_EQ(writer->finish().error().code(), Errc::already_exists);
  EXPECT_EQ(testing::file_text(path), "somebody else's");
}

TEST_F(NewArchive, ChangesItsReferencesAsALayoutDoes) {
  const auto one = put_image("one"), two = put_image("two");
  ASSERT_TRUE(writer->put_reference("app", one));
  ASSERT_TRUE(writer->put_reference("app", one));
  EXPECT_EQ(writer->put_reference("app", two).error().code(), Errc::clobber);
  ASSERT_TRUE(writer->put_reference("app", two, PutMode::replace));
  EXPECT_EQ(writer->get_reference("app")->digest, two.digest);
  EXPECT_EQ(writer->references().value()->entries.size(), 1u);
  EXPECT_EQ(writer->delete_reference("app"), true);
  EXPECT_EQ(writer->delete_reference("app"), false);
  EXPECT_EQ(writer->put_reference("../app", one).error().code(), Errc::invalid_argument);
}

}  // namespace
}  // namespace layoutfs
