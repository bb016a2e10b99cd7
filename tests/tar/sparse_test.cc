// The four ways in which GNU tar stores sparse files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/tar/sparse.h"
#include "tests/support/tar_writer.h"
#include "tests/tar/parse_tar.h"

namespace layoutfs::testing {
namespace {

using ::testing::HasSubstr;

using IoBuffers = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

IoBuffers thirty_pieces() {
  IoBuffers pieces;
  for (std::uint64_t i = 0; i < 30; ++i)
    pieces.emplace_back(4096 + i * 8192, 512 * (1 + i % 3) + (i == 29 ? 7 : 0));
  return pieces;
}

std::uint64_t stored(const IoBuffers& pieces) {
  std::uint64_t sum = 0;
  for (const auto& [offset, size] : pieces) sum += size;
  return sum;
}

std::string table(const IoBuffers& pieces, std::size_t first, std::size_t count) {
  std::string out;
  for (std::size_t i = first; i < std::min(first + count, pieces.size()); ++i) {
    out += octal(pieces[i].first, 12) + octal(pieces[i].second, 12);
  }
  out.resize(count * 24);
  return out;
}

TarWriter old_form(const IoBuffers& pieces, std::uint64_t real_size) {
  RawHeader header{.name = "sparse", .flag = 'S', .size = octal(stored(pieces), 12), .magic = kGnu};
  header.prefix = std::string(41, '\0') + table(pieces, 0, 4) +
                  (pieces.size() > 4 ? "\1" : std::string(1, '\0')) + octal(real_size, 12);
  TarWriter tar;
  tar.raw(header);
  for (std::size_t at = 4; at < pieces.size(); at += 21) {
    tar.raw(table(pieces, at, 21) + (at + 21 < pieces.size() ? "\1" : std::string(1, '\0')) +
            std::string(7, '\0'));
  }
  return std::move(tar.raw(padded(std::string(stored(pieces), 'd'))).file("after"));
}

TarWriter pax_00(const IoBuffers& pieces, std::uint64_t real_size) {
  PaxPairs records = {{"GNU.sparse.size", std::to_string(real_size)},
                      {"GNU.sparse.numblocks", std::to_string(pieces.size())}};
  for (const auto& [offset, size] : pieces) {
    records.emplace_back("GNU.sparse.offset", std::to_string(offset));
    records.emplace_back("GNU.sparse.numbytes", std::to_string(size));
  }
  return std::move(TarWriter().pax(records).file("sparse", std::string(stored(pieces), 'd')).file("after"));
}

TarWriter pax_01(const IoBuffers& pieces, std::uint64_t real_size) {
  std::string map;
  for (const auto& [offset, size] : pieces) {
    map += (map.empty() ? "" : ",") + std::to_string(offset) + "," + std::to_string(size);
  }
  TarWriter tar;
  tar.pax({{"GNU.sparse.size", std::to_string(real_size)},
           {"GNU.sparse.numblocks", std::to_string(pieces.size())},
           {"GNU.sparse.name", "sparse"},
           {"GNU.sparse.map", map}});
  return std::move(tar.file("GNUSparseFile.1/sparse", std::string(stored(pieces), 'd')).file("after"));
}

TarWriter pax_10(const IoBuffers& pieces, std::uint64_t real_size) {
  std::string map = std::to_string(pieces.size()) + "\n";
  for (const auto& [offset, size] : pieces)
    map += std::to_string(offset) + "\n" + std::to_string(size) + "\n";
  TarWriter tar;
  tar.pax({{"GNU.sparse.major", "1"},
           {"GNU.sparse.minor", "0"},
           {"GNU.sparse.name", "sparse"},
           {"GNU.sparse.realsize", std::to_string(real_size)}});
  return std::move(
      tar.file("GNUSparseFile.1/sparse", padded(map) + std::string(stored(pieces), 'd')).file("after"));
}

constexpr TarWriter (*kForms[])(const IoBuffers&, std::uint64_t) = {old_form, pax_00, pax_01, pax_10};

TEST(SparseTar, AllFormsGiveTheSamePiecesInAnySlicing) {
  const IoBuffers pieces = thirty_pieces();
  for (const auto form : kForms) {
    const std::string tar = form(pieces, 300'000).text();
    for (const std::size_t piece_size : {std::size_t{1}, std::size_t{7}, std::size_t{512}, tar.size()}) {
      const auto entries = parse_tar(tar, piece_size);
      ASSERT_TRUE(entries.has_value()) << entries.error().message();
      ASSERT_EQ(entries->size(), 2u);
      const TarEntry& entry = entries->front();
      EXPECT_EQ(entry.path, "sparse");
      EXPECT_TRUE(entry.is_sparse);
      EXPECT_EQ(entry.size, 300'000u);
      ASSERT_EQ(entry.extents.size(), pieces.size());
      std::uint64_t data = tar.find("dddd");
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        EXPECT_EQ(entry.extents[i].offset, pieces[i].first);
        EXPECT_EQ(entry.extents[i].size, pieces[i].second);
        EXPECT_EQ(entry.extents[i].stream_offset, data);
        data += pieces[i].second;
      }
      EXPECT_EQ(entries->back().path, "after");
    }
  }
}

TEST(SparseTar, AFileMayBeAllHole) {
  for (const auto form : kForms) {
    const auto entries = parse_tar(form({{70'000, 0}}, 70'000).text());
    ASSERT_TRUE(entries.has_value()) << entries.error().message();
    EXPECT_TRUE(entries->front().is_sparse);
    EXPECT_EQ(entries->front().size, 70'000u);
    EXPECT_TRUE(entries->front().extents.empty());
    EXPECT_EQ(entries->size(), 2u);
  }
}

TEST(SparseTar, PiecesThatDoNotAscendOrDoNotFitAreErrors) {
  const std::pair<IoBuffers, std::uint64_t> cases[] = {
      {{{512, 512}, {0, 512}}, 4096},   // backwards
      {{{0, 512}, {511, 512}}, 4096},   // overlapping
      {{{0, 512}, {1024, 512}}, 1535},  // past the end
      {{{4097, 0}}, 4096},
  };
  for (const auto form : kForms) {
    for (const auto& [pieces, size] : cases) {
      EXPECT_THAT(describe(parse_tar(form(pieces, size).text())), HasSubstr("the sparse map"));
    }
  }
}

TEST(SparseTar, TheDataMustHaveTheSizeOfThePieces) {
  const PaxPairs records = {{"GNU.sparse.size", "4096"}, {"GNU.sparse.map", "0,512"}};
  for (const std::size_t size : {0u, 511u, 513u, 1024u}) {
    EXPECT_THAT(describe(parse_tar(TarWriter().pax(records).file("f", std::string(size, 'd')).text())),
                HasSubstr("does not match"));
  }
  EXPECT_TRUE(parse_tar(TarWriter().pax(records).file("f", std::string(512, 'd')).text()).has_value());
}

TEST(SparseTar, BrokenRecordsAreErrors) {
  const PaxPairs cases[] = {
      {{"GNU.sparse.map", "0,1"}},
      {{"GNU.sparse.size", "9"}, {"GNU.sparse.map", "0"}},
      {{"GNU.sparse.size", "9"}, {"GNU.sparse.map", "0,1,"}},
      {{"GNU.sparse.size", "9"}, {"GNU.sparse.map", ",0,1"}},
      {{"GNU.sparse.size", "9"}, {"GNU.sparse.map", "0,-1"}},
      {{"GNU.sparse.size", "9"}, {"GNU.sparse.map", "0,18446744073709551615"}},
      {{"GNU.sparse.size", "18446744073709551615"}, {"GNU.sparse.map", "0,1"}},
      {{"GNU.sparse.size", "9"}, {"GNU.sparse.numblocks", "2"}, {"GNU.sparse.map", "0,1"}},
      {{"GNU.sparse.size", "9"}, {"GNU.sparse.numbytes", "1"}, {"GNU.sparse.offset", "0"}},
      {{"GNU.sparse.size", "9"}, {"GNU.sparse.offset", "0"}},
      {{"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}},
      {{"GNU.sparse.major", "2"}, {"GNU.sparse.minor", "0"}, {"GNU.sparse.realsize", "1"}},
  };
  for (const PaxPairs& records : cases) {
    EXPECT_THAT(describe(parse_tar(TarWriter().pax(records).file("f", "d").text())),
                HasSubstr("error: tar header at byte "));
  }
}

TEST(SparseTar, BrokenMapsInFrontOfTheDataAreErrors) {
  const PaxPairs records = {
      {"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}, {"GNU.sparse.realsize", "4096"}};
  for (const std::string map : {"", "\n", "x\n", "1\n0\n", "1\n0\n512", "2000000\n", "1\n-1\n5\n", "1 \n",
                                "000000000000000000000000001\n0\n512\n", "1\n0\n99999999999999999999\n"}) {
    for (const bool with_block : {false, true}) {
      const std::string data = with_block ? padded(map + std::string(1, '\0')) : map;
      EXPECT_THAT(describe(parse_tar(TarWriter().pax(records).file("f", data).text())),
                  HasSubstr("error: tar header at byte "))
          << map;
    }
  }
}

TEST(SparseTar, AMapWithTooManyPiecesIsRefused) {
  SparseMap map;
  for (std::uint64_t i = 0; i < kMaxExtents; ++i) ASSERT_TRUE(map.add(2 * i, 1).has_value());
  EXPECT_EQ(map.add(2 * kMaxExtents, 1).error().code(), Errc::unsupported);
}

}  // namespace
}  // namespace layoutfs::testing
