// The container of index files.
#include "core/layer/table_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using ::testing::HasSubstr;
using testing::TempDir;

const Digest kDigest = Digest::of(as_bytes("a blob"));

std::string error_of(const Bytes& file, TableKind kind = TableKind::layer_index, std::uint32_t version = 3,
                     const Digest& digest = kDigest) {
  const auto opened = open_table_file(file, kind, version, digest);
  return opened ? "" : opened.error().message();
}

TEST(TableFile, GivesThePayloadBackAligned) {
  const Bytes file = seal_table_file(TableKind::layer_index, 3, kDigest, as_bytes("payload"));
  const auto payload = open_table_file(file, TableKind::layer_index, 3, kDigest);
  ASSERT_TRUE(payload.has_value());
  EXPECT_EQ(as_text(*payload), "payload");
  EXPECT_EQ((payload->data() - file.data()) % 64, 0);
}

TEST(TableFile, CanBeWrittenInPieces) {
  const TempDir dir;
  const std::string path = dir / "file";
  auto fd = open_at(AT_FDCWD, path, O_RDWR | O_CREAT, 0600).value();
  TableFileWriter writer(std::move(fd), TableKind::tar_split, 3, kDigest);
  for (const char* piece : {"pay", "", "load"}) ASSERT_TRUE(writer.write(as_bytes(piece)));
  const auto content = [&] {
    return read_all(open_at(AT_FDCWD, path, O_RDONLY).value().get(), path, 4096).value();
  };
  EXPECT_NE(error_of(content(), TableKind::tar_split), "");
  ASSERT_TRUE(writer.finish());
  EXPECT_EQ(content(), seal_table_file(TableKind::tar_split, 3, kDigest, as_bytes("payload")));
}

TEST(TableFile, SaysWhatDiffers) {
  const Bytes file = seal_table_file(TableKind::layer_index, 3, kDigest, as_bytes("payload"));
  EXPECT_THAT(error_of(file, TableKind::image_tree), HasSubstr("wrong kind"));
  EXPECT_THAT(error_of(file, TableKind::layer_index, 4), HasSubstr("unsupported version"));
  EXPECT_THAT(error_of(file, TableKind::layer_index, 3, Digest::of({})), HasSubstr("another digest"));
  EXPECT_THAT(error_of(file, TableKind::layer_index, 3, Digest::of(as_bytes("a blob"), Algorithm::sha512)),
              HasSubstr("another digest"));
  Bytes longer = file;
  longer.emplace_back();
  EXPECT_THAT(error_of(longer), HasSubstr("size"));
}

TEST(TableFile, NoticesEveryCutAndEveryFlippedByteThatMatters) {
  const Digest digest = Digest::of(as_bytes("a blob"), Algorithm::sha512);
  const Bytes file = seal_table_file(TableKind::image_tree, 1, digest, as_bytes("payload"));
  for (std::size_t size = 0; size < file.size(); ++size) {
    const Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(open_table_file(cut, TableKind::image_tree, 1, digest).has_value()) << size;
  }
  for (std::size_t at = 0; at < file.size(); ++at) {
    Bytes damaged = file;
    damaged[at] ^= std::byte{1};
    const auto opened = open_table_file(damaged, TableKind::image_tree, 1, digest);
    EXPECT_TRUE(!opened || as_text(*opened) == "payload") << at;
  }
}

}  // namespace
}  // namespace layoutfs
