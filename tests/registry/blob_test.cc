// Blobs pushed whole, and read whole or in part.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <random>

#include "core/cas/verifying_source.h"
#include "tests/registry/fixture.h"

namespace layoutfs {
namespace {

using testing::descriptor_of;
using ::testing::ElementsAre;
using testing::failure_of;
using testing::files_of_blobs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kOctetType;
using testing::kTarType;
using testing::must;
using testing::push_text;
using testing::registry_failure_of;
using testing::text_of;
using testing::try_push;

std::string name_of_file(const Digest& digest) {
  return std::string(name_of(digest.algorithm())) + "/" + digest.hex();
}

// Delivers `text` again and again.
class EndlessSource final : public ByteSource {
 public:
  Result<std::size_t> read(std::span<std::byte> out) override {
    std::ranges::fill(out, std::byte{'a'});
    return out.size();
  }
};

// Delivers a text and then an error.
class BrokenSource final : public ByteSource {
 public:
  explicit BrokenSource(std::string_view text) : text_(as_bytes(text)) {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    auto got = text_.read(out);
    if (got == std::size_t{0}) return fail(Errc::io, "the source is broken");
    return got;
  }

 private:
  MemorySource text_;
};

class ABlob : public testing::OneLayout {
 protected:
  // Checks that a push left neither a blob nor other files in the layout.
  void expect_nothing_left() {
    EXPECT_THAT(files_of_blobs(path), IsEmpty());
    registry.reset();
    if (!std::filesystem::exists(path)) return;
    for (const auto& name : testing::names_in(path)) EXPECT_FALSE(name.starts_with(".oci-")) << name;
  }
};

TEST_F(ABlob, IsThereOnceItWasPushed) {
  for (const std::string& text : {std::string(), std::string("content"), std::string(3'000'000, 'x')}) {
    const auto expected = descriptor_of(text, kTarType);
    EXPECT_EQ(registry_failure_of(registry->resolve_blob(kApp, expected.digest)), RegistryCode::blob_unknown);
    EXPECT_EQ(registry_failure_of(registry->get_blob(kApp, expected.digest)), RegistryCode::blob_unknown);
    EXPECT_EQ(registry_failure_of(registry->get_blob_range(kApp, expected.digest, 0, -1)),
              RegistryCode::blob_unknown);
    EXPECT_EQ(push_text(*registry, kApp, text, kTarType), expected);
    EXPECT_EQ(must(registry->resolve_blob(kApp, expected.digest)).size, text.size());
    EXPECT_EQ(text_of(registry->get_blob(kApp, expected.digest)), text);
  }
}

TEST_F(ABlob, IsOfEveryRepositoryAndMakesNone) {
  const auto blob = push_text(*registry, kApp, "content");
  EXPECT_EQ(text_of(registry->get_blob("another/one", blob.digest)), "content");
  EXPECT_THAT(must(registry->repositories()), IsEmpty());
  EXPECT_EQ(registry_failure_of(registry->tags(kApp)), RegistryCode::name_unknown);
}

TEST_F(ABlob, IsDescribedByItsDigestAndItsSize) {
  const auto digest = push_text(*registry, kApp, "content", kTarType).digest;
  const auto whole = must(registry->get_blob(kApp, digest));
  const auto range = must(registry->get_blob_range(kApp, digest, 2, 4));
  for (const Descriptor& descriptor :
       {must(registry->resolve_blob(kApp, digest)), whole.descriptor(), range.descriptor()}) {
    EXPECT_EQ(descriptor.digest, digest);
    EXPECT_EQ(descriptor.size, 7u);
    EXPECT_EQ(descriptor.media_type, "");
  }
}

TEST_F(ABlob, MayHaveASha512Digest) {
  const auto digest = Digest::of(as_bytes("content"), Algorithm::sha512);
  const Descriptor descriptor{.media_type = std::string(kOctetType), .digest = digest, .size = 7};
  EXPECT_EQ(failure_of(try_push(*registry, kApp, descriptor, "Content")), Errc::digest_invalid);
  EXPECT_EQ(must(try_push(*registry, kApp, descriptor, "content")), descriptor);
  EXPECT_EQ(must(registry->resolve_blob(kApp, digest)).size, 7u);
  EXPECT_EQ(text_of(registry->get_blob(kApp, digest)), "content");
  EXPECT_EQ(registry_failure_of(registry->resolve_blob(kApp, Digest::of(as_bytes("content")))),
            RegistryCode::blob_unknown);
  EXPECT_THAT(files_of_blobs(path), ElementsAre(name_of_file(digest)));
}

TEST_F(ABlob, IsNotReadAgainWhereItIsThere) {
  const auto blob = push_text(*registry, kApp, "content");
  const auto before = testing::state_of_tree(path + "/blobs");
  testing::UnreadSource unread;
  EXPECT_EQ(must(registry->push_blob("other", blob, unread)), blob);
  auto wrong = blob;
  wrong.size = 8;
  EXPECT_EQ(failure_of(registry->push_blob(kApp, wrong, unread)), Errc::size_invalid);
  EXPECT_EQ(testing::state_of_tree(path + "/blobs"), before);
}

TEST_F(ABlob, ThatIsDamagedIsReplaced) {
  const auto blob = push_text(*registry, kApp, "content");
  const std::string file = path + "/" + blob.digest.blob_path();
  for (const char* damaged : {"Content", "", "conten", "contents"}) {
    testing::write_file(file, damaged);
    EXPECT_EQ(failure_of(try_push(*registry, kApp, blob, "Content")), Errc::digest_invalid) << damaged;
    EXPECT_EQ(testing::file_text(file), damaged);
    EXPECT_EQ(must(try_push(*registry, kApp, blob, "content")), blob) << damaged;
    EXPECT_EQ(testing::file_text(file), "content");
  }
}

TEST_F(ABlob, OfAnotherContentIsRefused) {
  const auto blob = descriptor_of("content", kOctetType);
  for (const char* text : {"", "conten", "Content", "contenT"})
    EXPECT_EQ(failure_of(try_push(*registry, kApp, blob, text)), Errc::digest_invalid) << text;
  EXPECT_EQ(registry_failure_of(registry->resolve_blob(kApp, blob.digest)), RegistryCode::blob_unknown);
  expect_nothing_left();
}

TEST_F(ABlob, OfAnotherSizeIsRefused) {
  auto blob = descriptor_of("content", kOctetType);
  for (const std::uint64_t size : {std::uint64_t{8}, std::uint64_t{6}, std::uint64_t{0}, UINT64_MAX}) {
    blob.size = size;
    EXPECT_EQ(failure_of(try_push(*registry, kApp, blob, "content")), Errc::size_invalid) << size;
  }
  expect_nothing_left();
}

TEST_F(ABlob, ThatNeverEndsIsRefusedOnceItIsTooLong) {
  for (const std::uint64_t size : {0U, 10U, 5'000'000U}) {
    EndlessSource endless;
    auto blob = descriptor_of("content", kOctetType);
    blob.size = size;
    EXPECT_EQ(failure_of(registry->push_blob(kApp, blob, endless)), Errc::size_invalid) << size;
  }
  expect_nothing_left();
}

TEST_F(ABlob, WhoseSourceBreaksLeavesNothing) {
  for (const std::string& text : {std::string(), std::string("cont"), std::string(1'000'000, 'a')}) {
    BrokenSource broken(text);
    auto blob = descriptor_of(text + "more", kOctetType);
    const auto pushed = registry->push_blob(kApp, blob, broken);
    ASSERT_EQ(failure_of(pushed), Errc::io);
    EXPECT_THAT(pushed.error().message(), HasSubstr("the source is broken"));
  }
  expect_nothing_left();
}

TEST_F(ABlob, IsNotPushedToItsEndOnRequest) {
  std::stop_source stop;
  stop.request_stop();
  EndlessSource endless;
  Descriptor blob = descriptor_of("content", kOctetType);
  blob.size = std::uint64_t{1} << 50;
  EXPECT_EQ(failure_of(registry->push_blob(kApp, blob, endless, {.stop = stop.get_token(), .deadline = {}})),
            Errc::cancelled);
  expect_nothing_left();
}

TEST_F(ABlob, IsNotVerifiedWhenItIsRead) {
  const auto blob = push_text(*registry, kApp, "content");
  testing::write_file(path + "/" + blob.digest.blob_path(), "damaged");
  auto reader = must(registry->get_blob(kApp, blob.digest));
  VerifyingSource verified(reader, blob.digest, blob.size);
  EXPECT_EQ(failure_of(verified.close()), Errc::corrupt);
  EXPECT_EQ(text_of(registry->get_blob(kApp, blob.digest)), "damaged");
}

TEST_F(ABlob, ThatIsAFolderIsUnknown) {
  push_text(*registry, kApp, "another");
  const auto digest = Digest::of(as_bytes("content"));
  std::filesystem::create_directory(path + "/" + digest.blob_path());
  EXPECT_EQ(registry_failure_of(registry->resolve_blob(kApp, digest)), RegistryCode::blob_unknown);
  EXPECT_EQ(registry_failure_of(registry->get_blob(kApp, digest)), RegistryCode::blob_unknown);
}

TEST_F(ABlob, IsDeletedByNobody) {
  const auto blob = push_text(*registry, kApp, "content");
  EXPECT_EQ(registry_failure_of(registry->delete_blob(kApp, blob.digest)), RegistryCode::denied);
  EXPECT_EQ(registry_failure_of(registry->delete_blob("other", blob.digest)), RegistryCode::denied);
  EXPECT_EQ(text_of(registry->get_blob(kApp, blob.digest)), "content");
  EXPECT_EQ(registry_failure_of(registry->delete_blob(kApp, Digest::of({}))), RegistryCode::blob_unknown);
  EXPECT_EQ(registry_failure_of(registry->delete_blob("other", Digest::of({}))), RegistryCode::blob_unknown);
}

TEST_F(ABlob, IsMountedByName) {
  const auto blob = push_text(*registry, kApp, "content", kTarType);
  const auto mounted = must(registry->mount_blob(kApp, "other", blob.digest));
  EXPECT_EQ(mounted.digest, blob.digest);
  EXPECT_EQ(mounted.size, 7u);
  EXPECT_EQ(mounted.media_type, "");
  EXPECT_EQ(text_of(registry->get_blob("other", blob.digest)), "content");
  EXPECT_EQ(registry_failure_of(registry->mount_blob(kApp, "other", Digest::of({}))),
            RegistryCode::blob_unknown);
}

class ARangeOfABlob : public testing::OneLayout {
 protected:
  static std::string numbers(int count) {
    std::string text;
    for (int i = 0; text.size() < static_cast<std::size_t>(count); ++i) text += std::to_string(i) + " ";
    return text.substr(0, static_cast<std::size_t>(count));
  }
  Result<BlobReader> range(std::int64_t begin, std::int64_t end) const {
    return registry->get_blob_range(kApp, digest, begin, end);
  }

  const std::string text = numbers(2345);
  const Digest digest = push_text(*registry, kApp, text).digest;
};

TEST_F(ARangeOfABlob, IsHalfOpenAndEndsWithTheBlob) {
  const std::int64_t size = 2345;
  struct Row {
    std::int64_t begin, end;
    std::size_t from, to;
  };
  for (const Row& row :
       {Row{0, 5, 0, 5}, Row{0, 0, 0, 0}, Row{500, 1500, 500, 1500}, Row{500, -1, 500, 2345},
        Row{size - 500, -1, 1845, 2345}, Row{2000, 5001, 2000, 2345}, Row{0, -1, 0, 2345},
        Row{0, size, 0, 2345}, Row{0, size + 1, 0, 2345}, Row{0, INT64_MAX, 0, 2345},
        Row{4, INT64_MIN, 4, 2345}, Row{size, size, 2345, 2345}, Row{size, -1, 2345, 2345},
        Row{size, INT64_MAX, 2345, 2345}, Row{7, 7, 7, 7}, Row{size - 1, size, 2344, 2345}}) {
    const std::string where = "[" + std::to_string(row.begin) + ", " + std::to_string(row.end) + ")";
    auto reader = range(row.begin, row.end);
    ASSERT_TRUE(reader) << where << ": " << reader.error().message();
    EXPECT_EQ(reader->size(), row.to - row.from) << where;
    EXPECT_EQ(reader->descriptor().size, text.size()) << where;
    EXPECT_EQ(text_of(*reader, 333), text.substr(row.from, row.to - row.from)) << where;
  }
}

TEST_F(ARangeOfABlob, BeginsInIt) {
  for (const auto& [begin, end] : std::vector<std::pair<std::int64_t, std::int64_t>>{{-1, 5},
                                                                                     {-1, -1},
                                                                                     {INT64_MIN, INT64_MAX},
                                                                                     {500, 1},
                                                                                     {1, 0},
                                                                                     {5000, 10'001},
                                                                                     {2346, -1},
                                                                                     {2346, 2346},
                                                                                     {INT64_MAX, INT64_MAX},
                                                                                     {INT64_MAX, -1}})
    EXPECT_EQ(registry_failure_of(range(begin, end)), RegistryCode::range_invalid) << begin << " to " << end;
}

TEST_F(ARangeOfABlob, IsReadAtAnyPlaceAndNotBehindItsEnd) {
  const auto reader = must(range(100, 200));
  const auto read_at = [&](std::size_t size, std::uint64_t offset) {
    Bytes buffer(size);
    const auto got = must(reader.read_at(buffer, offset));
    return std::string(as_text(ByteView(buffer).first(got)));
  };
  EXPECT_EQ(read_at(10, 0), text.substr(100, 10));
  EXPECT_EQ(read_at(10, 50), text.substr(150, 10));
  EXPECT_EQ(read_at(10, 95), text.substr(195, 5));
  EXPECT_EQ(read_at(1000, 0), text.substr(100, 100));
  EXPECT_EQ(read_at(0, 5), "");
  EXPECT_EQ(read_at(10, 100), "");
  EXPECT_EQ(read_at(10, 101), "");
  EXPECT_EQ(read_at(10, UINT64_MAX), "");
  EXPECT_EQ(read_at(200, UINT64_MAX - 99), "");
}

TEST_F(ARangeOfABlob, IsReadInOrderWhateverIsReadAtElsewhere) {
  auto reader = must(range(10, 2000));
  std::string all;
  Bytes buffer(77), elsewhere(50);
  for (std::uint64_t offset = 0;; offset = offset * 7 % 1900 + 1) {
    const auto got = must(reader.read(buffer));
    if (got == 0) break;
    all += as_text(ByteView(buffer).first(got));
    EXPECT_EQ(must(reader.read_at(elsewhere, offset)), 50u);
    EXPECT_EQ(as_text(elsewhere), text.substr(10 + offset, 50));
  }
  EXPECT_EQ(all, text.substr(10, 1990));
}

TEST_F(ARangeOfABlob, MayBeReadAfterTheBlobIsGone) {
  auto reader = must(range(10, 20));
  ASSERT_TRUE(must(must(open_dir(path))->delete_blob(digest)));
  EXPECT_EQ(text_of(reader), text.substr(10, 10));
}

TEST_F(ARangeOfABlob, OfALargeBlobIsWhatAnyOtherWayGives) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::string large(1'500'000, '\0');
  for (char& byte : large) byte = static_cast<char>(random());
  const auto blob = push_text(*registry, kApp, large).digest;
  for (int i = 0; i < 60; ++i) {
    const auto begin = random() % (large.size() + 1), size = random() % (large.size() + 1 - begin);
    auto reader = must(registry->get_blob_range(kApp, blob, static_cast<std::int64_t>(begin),
                                                static_cast<std::int64_t>(begin + size)));
    ASSERT_EQ(text_of(reader, 1 + random() % 300'000), large.substr(begin, size)) << begin << " " << size;
  }
}

}  // namespace
}  // namespace layoutfs
