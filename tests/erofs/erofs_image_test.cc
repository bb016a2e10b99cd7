// The kernel and fsck.erofs read these images in tests/e2e/export.sh.
#include "core/erofs/erofs_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/erofs/erofs_reader.h"
#include "tests/erofs/erofs_inode.h"
#include "tests/image/merged.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::image_of;
using testing::kSomeImage;
using testing::TarWriter;

ImagePtr shared(const TarWriter& layer) { return std::make_shared<const Image>(image_of({layer})); }

ErofsImage erofs_of(const TarWriter& layer, ErofsPlacement placement = ErofsPlacement::appended) {
  return make_erofs(image_of({layer}).tree(), kSomeImage, placement).value();
}
std::string text_of(const ErofsImage& erofs) { return std::string(as_text(erofs.metadata)); }
std::string refusal_of(const TarWriter& layer) {
  const auto made = make_erofs(image_of({layer}).tree(), kSomeImage, ErofsPlacement::appended);
  if (made) return "accepted";
  EXPECT_EQ(made.error().code(), Errc::unsupported);
  return made.error().message();
}

std::string data_of(const ErofsReader& reader, std::uint64_t size, std::uint64_t offset) {
  IoBuffers out;
  EXPECT_TRUE(reader.read_data(out, size, offset));
  std::string bytes(out.size(), '\0');
  out.copy_to(std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

// Pieces of 4 KiB at the given blocks.
TarWriter sparse(std::uint64_t size, const std::vector<std::uint64_t>& blocks) {
  std::string content, map;
  for (const std::uint64_t block : blocks) {
    content += std::string(4096, static_cast<char>('a' + content.size() / 4096));
    map += (map.empty() ? "" : ",") + std::to_string(block * 4096) + ",4096";
  }
  return TarWriter().file("sparse", content,
                          {.pax = {{"GNU.sparse.size", std::to_string(size)},
                                   {"GNU.sparse.numblocks", std::to_string(blocks.size())},
                                   {"GNU.sparse.map", map}}});
}

TEST(ErofsImage, EqualTreesGiveEqualBytes) {
  const TarWriter layer = TarWriter().dir("d").file("d/a", "content").symlink("s", "d/a");
  EXPECT_EQ(text_of(erofs_of(layer)), text_of(erofs_of(layer)));
  const auto other =
      make_erofs(image_of({layer}).tree(), Digest::of(as_bytes("another")), ErofsPlacement::appended).value();
  EXPECT_NE(text_of(erofs_of(layer)), text_of(other)) << "the digest is in the UUID";
}

TEST(ErofsImage, MetadataIsWholeBlocksWithASuperblock) {
  const ErofsImage erofs = erofs_of(TarWriter().file("a", "x"));
  EXPECT_EQ(erofs.metadata.size() % kErofsBlockSize, 0U);
  EXPECT_EQ(as_text(erofs.metadata.subspan(1024, 4)), "\xE2\xE1\xF5\xE0");
}

TEST(ErofsImage, FilesAreInTheOrderOfTheStreamAndStartAtABlock) {
  const auto image = shared(TarWriter().file("z", std::string(5000, 'z')).file("empty").file("a", "first"));
  const ErofsReader reader(image, make_erofs(image->tree(), kSomeImage, ErofsPlacement::appended).value());
  ASSERT_EQ(reader.data_size(), 3 * kErofsBlockSize);
  EXPECT_EQ(data_of(reader, 5000, 0), std::string(5000, 'z'));
  EXPECT_EQ(data_of(reader, 4, 4998), std::string("zz\0\0", 4)) << "zeros follow the end of a file";
  EXPECT_EQ(data_of(reader, 5, 2 * kErofsBlockSize), "first");
  EXPECT_EQ(data_of(reader, 1 << 20, 0).size(), reader.data_size()) << "a device is never short";
  EXPECT_EQ(data_of(reader, 10, reader.data_size()), "");
}

TEST(ErofsImage, ReadsOfAnySizeGiveTheSameBytes) {
  const auto image =
      shared(TarWriter().file("a", std::string(9000, 'a')).file("b", "b").file("c", std::string(4096, 'c')));
  const ErofsReader reader(image, make_erofs(image->tree(), kSomeImage, ErofsPlacement::appended).value());
  const std::string whole = data_of(reader, reader.data_size(), 0);
  for (const std::uint64_t size : {1U, 4095U, 4096U, 4097U, 10'000U})
    for (std::uint64_t at = 0; at < whole.size(); at += 1021)
      ASSERT_EQ(data_of(reader, size, at), whole.substr(at, size)) << size << " bytes at " << at;
}

TEST(ErofsImage, TheFileIsTheMetadataAndThenTheData) {
  const auto image = shared(TarWriter().file("a", "content"));
  const ErofsReader reader(image, make_erofs(image->tree(), kSomeImage, ErofsPlacement::appended).value());
  IoBuffers out;
  ASSERT_TRUE(reader.read(out, 14, reader.metadata().size() - 7));
  Bytes bytes(out.size());
  out.copy_to(bytes);
  EXPECT_EQ(as_text(bytes), std::string(as_text(reader.metadata().last(7))) + "content");
}

TEST(ErofsImage, HolesAreNotOnTheDevice) {
  const ErofsImage erofs = erofs_of(sparse(std::uint64_t{2} << 30, {0, 1, 1000, 500'000}));
  EXPECT_EQ(erofs.data_blocks, 4U);
  std::vector<std::uint32_t> blocks, in_file;
  for (const ErofsRun& run : erofs.runs) {
    blocks.push_back(run.block);
    in_file.push_back(run.file_block);
  }
  EXPECT_THAT(blocks, ElementsAre(0, 2, 3));
  EXPECT_THAT(in_file, ElementsAre(0, 1000, 500'000));
}

TEST(ErofsImage, AFileOfHolesTakesNoData) {
  EXPECT_EQ(erofs_of(sparse(std::uint64_t{1} << 40, {})).data_blocks, 0U);
}

TEST(ErofsImage, HolesOfALargeFileAreKeptRoughly) {
  constexpr std::uint64_t kBlocks = (1 << 20) + 2;
  EXPECT_EQ(erofs_of(sparse((kBlocks - 2) * 4096, {1, 7})).data_blocks, 2U);
  EXPECT_EQ(erofs_of(sparse(kBlocks * 4096, {1, 7})).data_blocks, 4U) << "two chunks of two blocks each";
}

TEST(ErofsImage, AllTablesOfChunksTogetherAreLimited) {
  // Each file of 1 GiB wants 2^18 chunks; a small one wants 64.
  const auto with_large = [](int count) {
    TarWriter layer;
    const auto add = [&layer](const std::string& name, std::uint64_t blocks) {
      layer.file(name, std::string(4096, 'x'),
                 {.pax = {{"GNU.sparse.size", std::to_string(blocks * 4096)},
                          {"GNU.sparse.numblocks", "1"},
                          {"GNU.sparse.map", "4096,4096"}}});
    };
    for (int i = 0; i < count; ++i) add("large" + std::to_string(i), 1 << 18);
    add("small", 64);
    return erofs_of(layer);
  };
  // One block of data each if the holes are kept.
  EXPECT_EQ(with_large(4).data_blocks, 5U);
  EXPECT_EQ(with_large(4).metadata.size() / (8 << 18), 4U);
  // Chunks of 16 blocks: 2^14 for each of 64 files. The small file keeps its holes.
  const ErofsImage many = with_large(64);
  EXPECT_EQ(many.data_blocks, 64 * 16 + 1U);
  EXPECT_LT(many.metadata.size(), (8U << 20) + 200'000U);
  const ErofsImage more = with_large(2000);
  EXPECT_EQ(more.data_blocks, 2000 * 512 + 1U) << "2^9 chunks each";
  EXPECT_LT(more.metadata.size(), (8U << 20) + 2000 * (16 * 8 + 200));
}

TEST(ErofsImage, AFileWhoseChunksAllHaveDataHasNoTable) {
  constexpr std::uint64_t kBlocks = 1 << 18, kStep = 32;
  TarWriter layer;
  const auto add = [&layer](const std::string& name, std::uint64_t count, const std::string& map) {
    layer.file(name, std::string(512 * count, 'x'),
               {.pax = {{"GNU.sparse.size", std::to_string(kBlocks * 4096)},
                        {"GNU.sparse.numblocks", std::to_string(count)},
                        {"GNU.sparse.map", map}}});
  };
  std::string map;
  for (std::uint64_t block = 0; block < kBlocks; block += kStep)
    map += (block == 0 ? "" : ",") + std::to_string((1 + block) * 4096) + ",512";
  add("full", kBlocks / kStep, map);
  // These leave it chunks of that many blocks.
  for (int i = 0; i < 100; ++i) add("z" + std::to_string(i), 1, "4096,512");
  const ErofsImage erofs = erofs_of(layer);
  EXPECT_EQ(erofs.data_blocks, kBlocks + 100 * kStep);
  EXPECT_LT(erofs.metadata.size(), 100U * kBlocks / kStep * 8 + 40'000);
}

TEST(ErofsImage, InodesFillTheSpaceBetweenLargeDirectories) {
  // Each directory takes more than half a block, so none has room for two.
  constexpr int kDirectories = 40, kFiles = 100;
  TarWriter layer;
  for (int i = 0; i < kDirectories; ++i)
    for (int file = 0; file < kFiles; ++file)
      layer.file("d" + std::to_string(i) + "/part-" + std::to_string(10'000 + file), "", {.mode = 0640});
  const auto made = erofs_of(layer);
  const testing::ErofsInodes inodes(made.metadata);
  for (int i = 0; i < kDirectories; ++i) EXPECT_EQ(inodes.find("d" + std::to_string(i))->mode, 0040755) << i;
  EXPECT_LE(made.metadata.size(), std::size_t{90} * kDirectories * kFiles);
}

TEST(ErofsImage, TwoDevicesLeaveTheDataOutside) {
  const TarWriter layer = TarWriter().file("a", "content");
  const ErofsImage appended = erofs_of(layer), apart = erofs_of(layer, ErofsPlacement::two_devices);
  EXPECT_EQ(apart.metadata.size(), appended.metadata.size());
  EXPECT_EQ(apart.data_blocks, appended.data_blocks);
  EXPECT_NE(text_of(apart), text_of(appended));
}

TEST(ErofsImage, TheSizeOfMetadataIsLimited) {
  const std::string value(60'000, 'x');
  TarWriter layer;
  for (int i = 0; i < 1200; ++i) layer.file(std::to_string(i), "", {.xattrs = {{"user.x", value}}});
  EXPECT_EQ(refusal_of(layer), "EROFS cannot store the image: its metadata is too large");
}

std::vector<std::string> names_of(const testing::ErofsInode& inode) {
  std::vector<std::string> names;
  for (const auto& [name, value] : inode.xattrs) names.push_back(name);
  return names;
}

TEST(ErofsImage, XattrsThatMountsHideAreNotStored) {
  using namespace std::string_literals;
  const auto made = erofs_of(TarWriter()
                                 .file("file", "",
                                       {.xattrs = {{"security.capability", "malformed"},
                                                   {"system.other", "x"},
                                                   {"system.posix_acl_access", "malformed"},
                                                   {"trusted.note", "x"},
                                                   {"trusted.overlay.metacopy", ""},
                                                   {"trusted.overlay.redirect", "/etc"},
                                                   {"user.note", "y"},
                                                   {"user.overlay.opaque", "y"}}})
                                 .fifo("fifo", {.xattrs = {{"trusted.note", "x"}, {"user.note", "y"}}})
                                 .dir("plain", {.xattrs = {{"trusted.overlay.opaque", "y"}}}));
  const testing::ErofsInodes inodes(made.metadata);
  EXPECT_THAT(inodes.find("file")->xattrs,
              ElementsAre(std::pair("trusted.note"s, "x"s), std::pair("user.note"s, "y"s)));
  EXPECT_THAT(names_of(*inodes.find("fifo")), ElementsAre("trusted.note"));
  EXPECT_THAT(names_of(*inodes.find("plain")), ElementsAre());
}

TEST(ErofsImage, ModesAgreeWithACLs) {
  using namespace std::string_literals;
  const std::string none = "\xff\xff\xff\xff"s;
  // The mask denies writing, but unpacking sets the mode last.
  const std::string named = "\2\0\0\0"s + "\1\0\6\0"s + none + "\2\0\6\0\5\0\0\0"s + "\4\0\0\0"s + none +
                            "\x10\0\4\0"s + none + "\x20\0\0\0"s + none;
  std::string changed = named;
  changed[4 + 3 * 8 + 2] = 6;
  // More than a page, so it is hidden; the group's bits would let the user 5 write.
  std::string large = named;
  for (int i = 6; i < 600; ++i) large.insert(4 + 2 * 8, "\2\0\0\0\5\0\0\0"s);
  const auto made =
      erofs_of(TarWriter()
                   .file("acl", "", {.mode = 0660, .xattrs = {{"system.posix_acl_access", named}}})
                   .file("large", "", {.mode = 0660, .xattrs = {{"system.posix_acl_access", large}}}));
  const testing::ErofsInodes inodes(made.metadata);
  EXPECT_EQ(inodes.find("acl")->mode, 0100660);
  EXPECT_EQ(inodes.find("acl")->xattrs.at("system.posix_acl_access"), changed);
  EXPECT_EQ(inodes.find("large")->mode, 0100600);
  EXPECT_TRUE(inodes.find("large")->xattrs.empty());
}

TEST(ErofsImage, RefusesWhatEROFSCannotStore) {
  const auto with_xattr = [](const std::string& name, std::size_t size) {
    return TarWriter().dir("d").file("d/f", "", {.xattrs = {{name, std::string(size, 'x')}}});
  };
  EXPECT_EQ(refusal_of(with_xattr("user.x", 65'535)), "accepted");
  EXPECT_EQ(refusal_of(with_xattr("user.x", 65'536)),
            "EROFS cannot store /d/f: its xattr user.x has more than 65535 bytes");
  EXPECT_EQ(refusal_of(with_xattr("user." + std::string(250, 'x'), 1)), "accepted");
  TarWriter many;
  testing::EntryAttributes attributes;
  for (int i = 0; i < 5; ++i)
    attributes.xattrs.emplace_back("user." + std::to_string(i), std::string(60'000, 'x'));
  EXPECT_EQ(refusal_of(many.file("f", "", attributes)),
            "EROFS cannot store /f: its xattrs have more than 262148 bytes");
  EXPECT_EQ(refusal_of(TarWriter().device("c", '3', 4095, 1'048'575)), "accepted");
  EXPECT_THAT(refusal_of(TarWriter().device("c", '3', 4096, 0)), HasSubstr("/c: the device number"));
  EXPECT_THAT(refusal_of(TarWriter().device("b", '4', 0, 1'048'576)), HasSubstr("/b: the device number"));
}

}  // namespace
}  // namespace layoutfs
