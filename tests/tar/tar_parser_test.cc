// The meaning of tar headers.
#include "core/tar/tar_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/tar_writer.h"
#include "tests/tar/parse_tar.h"

namespace layoutfs::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

std::vector<TarEntry> parsed(const TarWriter& tar) {
  auto entries = parse_tar(tar.text());
  EXPECT_TRUE(entries.has_value()) << entries.error().message();
  return entries ? std::move(*entries) : std::vector<TarEntry>();
}

// The only entry of a tar.
TarEntry only(const TarWriter& tar) {
  auto entries = parsed(tar);
  EXPECT_EQ(entries.size(), 1u);
  return entries.empty() ? TarEntry{} : std::move(entries.front());
}

std::string error_of(const TarWriter& tar) {
  const auto entries = parse_tar(tar.text());
  EXPECT_FALSE(entries.has_value());
  return entries ? "" : entries.error().message();
}

std::vector<std::string> paths(const std::vector<TarEntry>& entries) {
  std::vector<std::string> out;
  for (const TarEntry& entry : entries) out.push_back(entry.path);
  return out;
}

TEST(CleanPath, IsByTheSpellingAlone) {
  const std::pair<const char*, const char*> cases[] = {
      {"a", "a"},
      {"./a", "a"},
      {"/a", "a"},
      {"a/", "a"},
      {"//a///b/./", "a/b"},
      {"", ""},
      {".", ""},
      {"./", ""},
      {"/", ""},
      {"..", ""},
      {"../../a", "a"},
      {"a/../../../b", "b"},
      {"x/y/../../in", "in"},
      {"d/e/..", "d"},
      {"...", "..."},
      {"..foo/foo..", "..foo/foo.."},
      {"/../z", "z"},
      {"a/b/../c", "a/c"},
      {" ", " "},
      {"a/ /b", "a/ /b"},
  };
  for (const auto& [name, path] : cases) EXPECT_EQ(clean_path(name), path) << name;
}

TEST(TarParser, ReadsEveryKindOfEntry) {
  TarWriter tar;
  tar.dir("dir", {.mode = 01755, .uid = 1, .gid = 2, .mtime = 7})
      .file("dir/file", "content")
      .symlink("link", "../x/");
  tar.hardlink("hard", "./dir//file").device("char", '3', 1, 3).device("block", '4', 8, 1).fifo("pipe");
  const auto entries = parsed(tar);
  ASSERT_EQ(entries.size(), 7u);
  EXPECT_EQ(describe(entries[0]), "5 'dir' -> '' 1005 1 2 7 0 0 0 0 0 0");
  EXPECT_EQ(describe(entries[1]), "0 'dir/file' -> '' 420 0 0 1600000000 0 0 0 7 1024 0");
  EXPECT_EQ(describe(entries[2]), "2 'link' -> '../x/' 511 0 0 1600000000 0 0 0 0 0 0");
  EXPECT_EQ(describe(entries[3]), "1 'hard' -> 'dir/file' 420 0 0 1600000000 0 0 0 0 0 0");
  EXPECT_EQ(describe(entries[4]), "3 'char' -> '' 420 0 0 1600000000 0 1 3 0 0 0");
  EXPECT_EQ(describe(entries[5]), "4 'block' -> '' 420 0 0 1600000000 0 8 1 0 0 0");
  EXPECT_EQ(describe(entries[6]), "6 'pipe' -> '' 420 0 0 1600000000 0 0 0 0 0 0");
}

TEST(TarParser, AnEmptyStreamHasNoEntries) {
  EXPECT_EQ(describe(parse_tar("")), "");
  EXPECT_EQ(describe(parse_tar(std::string(512, '\0'))), "");
  EXPECT_EQ(describe(parse_tar(std::string(10240, '\0'))), "");
}

TEST(TarParser, KnowsWhenTheArchiveHasEnded) {
  TarWriter tar;
  tar.file("a", "content");
  TarParser parser([](TarEntry&&) { return Status(); });
  const std::string text = tar.text(0);
  for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(512)) {
    ASSERT_TRUE(parser.feed(as_bytes(rest.substr(0, 512))));
    EXPECT_FALSE(parser.is_ended());
  }
  ASSERT_TRUE(parser.feed(as_bytes(std::string(1023, '\0'))));
  EXPECT_FALSE(parser.is_ended());
  ASSERT_TRUE(parser.feed(as_bytes(std::string(1, '\0'))));
  EXPECT_TRUE(parser.is_ended());
}

TEST(TarParser, TheEndMarkerMayBeMissingOrCutAndWhatFollowsItIsIgnored) {
  const TarWriter tar = std::move(TarWriter().file("a", "x"));
  for (const std::size_t zero_blocks : {0u, 1u, 2u, 20u}) {
    EXPECT_THAT(paths(*parse_tar(tar.text(zero_blocks))), ElementsAre("a")) << zero_blocks;
    EXPECT_THAT(paths(*parse_tar(tar.text(zero_blocks) + std::string(100, '\0'))), ElementsAre("a"))
        << zero_blocks;
  }
  const std::string other = std::move(TarWriter().file("b", "y")).text();
  for (const std::size_t zero_blocks : {2u, 3u, 20u})
    for (const std::string& rest : {std::string(2000, 'g'), std::string(7, 'g'), other})
      EXPECT_THAT(paths(*parse_tar(tar.text(zero_blocks) + rest)), ElementsAre("a")) << zero_blocks;
}

TEST(TarParser, ASingleZeroBlockWithAnythingBehindItIsRefused) {
  const std::string zeros(512, '\0'), other = std::move(TarWriter().file("b", "y")).text();
  const TarWriter tar = std::move(TarWriter().file("a", "x"));
  for (const std::string& rest : {other, std::string(2000, 'g'), std::string(512, 'g'), std::string(7, 'g'),
                                  std::string(511, '\0') + "g", other.substr(0, 511)}) {
    for (const auto& [front, offset] : {std::pair(tar.text(1), 1024), std::pair(zeros, 0)}) {
      const auto refused = parse_tar(front + rest);
      ASSERT_FALSE(refused) << offset;
      EXPECT_EQ(refused.error().code(), Errc::corrupt);
      EXPECT_THAT(refused.error().message(),
                  HasSubstr("tar header at byte " + std::to_string(offset + 512) +
                            ": only a single block of zeros, at byte " + std::to_string(offset)));
    }
  }
  // Zeros in a file are data.
  EXPECT_THAT(paths(parsed(std::move(TarWriter().file("a", zeros + "x").file("b", zeros + zeros).file("c")))),
              ElementsAre("a", "b", "c"));
}

TEST(TarParser, ATarThatBeginsWithItsEndIsEmpty) {
  const std::string end(1024, '\0');
  EXPECT_THAT(*parse_tar(end + std::move(TarWriter().file("b", "y")).text()), IsEmpty());
  EXPECT_THAT(*parse_tar(end), IsEmpty());
  EXPECT_THAT(*parse_tar(end.substr(0, 700)), IsEmpty());
}

TEST(TarParser, ThePaddingOfTheLastFileMayBeMissing) {
  const std::string tar = std::move(TarWriter().file("a", "xyz")).text(0);
  EXPECT_THAT(paths(*parse_tar(tar.substr(0, 515))), ElementsAre("a"));
  EXPECT_THAT(parse_tar(tar.substr(0, 514)).error().message(),
              HasSubstr("tar header at byte 0: unexpected end of the stream inside the data"));
}

TEST(TarParser, AWrongChecksumNamesTheOffsetOfTheHeader) {
  TarWriter tar;
  tar.file("a", "x").raw(RawHeader{.name = "b", .checksum = octal(1, 8)});
  EXPECT_EQ(error_of(tar), "tar header at byte 1024: invalid checksum");
}

TEST(TarParser, ChecksumsMayBeSignedAndOfAnyOctalStyle) {
  const RawHeader header{.name = "n\xff\xfe"};
  std::int64_t is_unsigned = 0, is_signed = 0;
  std::string block = header.block();
  block.replace(148, 8, 8, ' ');
  for (const char byte : block) {
    is_unsigned += static_cast<unsigned char>(byte);
    is_signed += static_cast<signed char>(byte);
  }
  for (const std::int64_t sum : {is_unsigned, is_signed}) {
    const std::string digits = octal(static_cast<std::uint64_t>(sum), 7).substr(0, 6);
    const std::string blanks = std::string(digits.find_first_not_of('0'), ' ');
    const std::string nul(1, '\0');
    for (const std::string& style :
         {digits, digits + " ", digits + nul + " ", digits + " " + nul, "0" + digits + nul, "00" + digits,
          blanks + digits.substr(blanks.size()) + nul}) {
      RawHeader styled = header;
      styled.checksum = style + std::string(8 - style.size(), '\0');
      EXPECT_EQ(only(TarWriter().raw(styled)).path, header.name) << style;
    }
  }
}

TEST(TarParser, NumbersMayBeOctalInAnyStyleOrBase256) {
  RawHeader header{.name = "f"};
  header.mode = "   644 ";
  header.uid = "00000011";
  header.gid = base256(4'000'000'000, 8);
  header.size = std::string("         3 \0", 12);
  header.mtime = base256(-86400, 12);
  const TarEntry entry = only(TarWriter().raw(header, "one"));
  EXPECT_EQ(describe(entry), "0 'f' -> '' 420 9 4000000000 18446744073709465216 0 0 0 3 512 0");
  const std::string none;
  EXPECT_EQ(describe(only(TarWriter().raw(RawHeader{
                .name = "e", .mode = none, .uid = none, .gid = none, .size = none, .mtime = none}))),
            "0 'e' -> '' 0 0 0 0 0 0 0 0 512 0");
}

TEST(TarParser, NumbersOutOfRangeAreErrors) {
  const std::pair<RawHeader, const char*> cases[] = {
      {{.name = "f", .uid = base256(std::int64_t{1} << 32, 8)}, "uid is too large"},
      {{.name = "f", .uid = base256(-1, 8)}, "uid is negative"},
      {{.name = "f", .gid = base256(-5, 8)}, "gid is negative"},
      {{.name = "f", .size = base256(-512, 12)}, "size is negative"},
      {{.name = "f", .size = base256(INT64_MAX, 12)}, "size is too large"},
      {{.name = "f", .size = "\x80" + std::string(11, '\xff')}, "invalid size field"},
      {{.name = "f", .mtime = "\xff\x7f" + std::string(10, '\0')}, "invalid time field"},
      {{.name = "f", .mode = "0648"}, "invalid mode field"},
      {{.name = "f", .size = "12 34"}, "invalid size field"},
      {{.name = "f", .flag = '3', .device_major = base256(std::int64_t{1} << 40, 8)},
       "device number is too large"},
      {{.name = "f", .flag = 'x', .size = base256(-1, 12)}, "size is negative"},
      {{.name = "f", .flag = 'x', .size = octal(1 << 21, 12)}, "exceed 1 MiB"},
      {{.name = "f", .flag = 'g', .size = base256(-1, 12)}, "size is negative"},
  };
  for (const auto& [header, message] : cases)
    EXPECT_THAT(error_of(TarWriter().raw(header)), HasSubstr(message));
}

TEST(TarParser, OnlyTheTwelveBitsOfAModeCount) {
  EXPECT_EQ(only(TarWriter().raw(RawHeader{.name = "f", .mode = octal(0140755, 8)})).mode, 0755u);
  EXPECT_EQ(only(TarWriter().file("f", "", {.mode = 07777})).mode, 07777u);
}

TEST(TarParser, ThePrefixIsPartOfTheNameInUstarOnly) {
  RawHeader header{.name = std::string(100, 'q'), .prefix = std::string(155, 'p')};
  EXPECT_EQ(only(TarWriter().raw(header)).path, header.prefix + "/" + header.name);
  header.magic = kGnu;
  EXPECT_EQ(only(TarWriter().raw(header)).path, header.name);
  header.magic = kV7;
  EXPECT_EQ(only(TarWriter().raw(header)).path, header.name);
}

TEST(TarParser, StarKeepsTimesBehindAShorterPrefix) {
  const std::string prefix = "pre" + std::string(128, '\0') + octal(1, 12) + octal(2, 12) +
                             std::string(8, '\0') + std::string("tar\0", 4);
  ASSERT_EQ(prefix.size(), 167u);
  EXPECT_EQ(only(TarWriter().raw(RawHeader{.name = "n", .prefix = prefix})).path, "pre/n");
}

TEST(TarParser, ATrailingSlashMakesADirectoryInV7Only) {
  const auto type = [](const std::string& magic, char flag) {
    const TarEntry entry = only(TarWriter().raw(RawHeader{.name = "thing/", .flag = flag, .magic = magic}));
    EXPECT_EQ(entry.path, "thing");
    return entry.type;
  };
  EXPECT_EQ(type(kV7, '\0'), EntryType::directory);
  EXPECT_EQ(type(kV7, '0'), EntryType::directory);
  EXPECT_EQ(type(kUstar, '\0'), EntryType::directory);
  EXPECT_EQ(type(kUstar, '0'), EntryType::file);
  EXPECT_EQ(type(kGnu, '0'), EntryType::file);
  EXPECT_EQ(type(kUstar, '2'), EntryType::symlink);
}

TEST(TarParser, OnlyFilesHaveDataWhateverTheSizeSays) {
  TarWriter tar;
  for (const char flag : {'1', '2', '3', '4', '5', '6'}) {
    tar.raw(RawHeader{.name = std::string(1, flag), .flag = flag, .size = octal(600, 12)});
  }
  tar.file("after", "in step");
  const auto entries = parsed(tar);
  EXPECT_THAT(paths(entries), ElementsAre("1", "2", "3", "4", "5", "6", "after"));
  EXPECT_EQ(entries[0].size, 0u);
  EXPECT_EQ(entries[6].stream_offset, 7 * 512u);
}

TEST(TarParser, ForeignKindsKeepTheReaderInStep) {
  TarWriter tar;
  tar.raw(RawHeader{.name = "label", .flag = 'V', .size = octal(3, 12)}, "abc");
  tar.raw(RawHeader{.name = "dump/", .flag = 'D', .size = octal(3, 12)}, "abc");
  tar.raw(RawHeader{.name = "contiguous", .flag = '7', .size = octal(3, 12)}, "abc");
  tar.raw(RawHeader{.name = "socket", .flag = 's', .size = octal(3, 12)}, "abc").file("after");
  const auto entries = parsed(tar);
  EXPECT_THAT(paths(entries), ElementsAre("dump", "contiguous", "socket", "after"));
  EXPECT_EQ(entries[0].type, EntryType::directory);
  EXPECT_EQ(entries[1].size, 3u);
  EXPECT_THAT(error_of(TarWriter().raw(RawHeader{.name = "m", .flag = 'M'})), HasSubstr("continued volumes"));
}

TEST(TarParser, LongNamesOfGnuHoldForTheNextEntryOnly) {
  const std::string name(300, 'n'), link(400, 'l');
  TarWriter tar;
  tar.gnu_long('K', link).gnu_long('L', name).raw(
      RawHeader{.name = "cut", .flag = '2', .link = "cut", .magic = kGnu});
  tar.symlink("next", "target");
  const auto entries = parsed(tar);
  EXPECT_THAT(paths(entries), ElementsAre(name, "next"));
  EXPECT_EQ(entries[0].target, link);
  EXPECT_EQ(entries[1].target, "target");
}

TEST(TarParser, LongNamesInPaxRecordsWin) {
  TarWriter tar;
  tar.pax({{"path", "by-pax"}, {"linkpath", "pax-link"}}).gnu_long('L', "by-gnu").gnu_long('K', "gnu-link");
  tar.symlink("by-header", "header-link");
  const TarEntry entry = only(tar);
  EXPECT_EQ(entry.path, "by-pax");
  EXPECT_EQ(entry.target, "pax-link");
}

TEST(TarParser, PaxRecordsReplaceTheHeadersFields) {
  TarWriter tar;
  tar.pax(
      {{"size", "2000"}, {"uid", "4294967294"}, {"gid", "70000"}, {"path", "long/./name/"}, {"foreign", ""}});
  tar.raw(RawHeader{.name = "short", .uid = octal(5, 8), .size = octal(7, 12)}, std::string(2000, 's'))
      .file("after");
  const auto entries = parsed(tar);
  EXPECT_THAT(paths(entries), ElementsAre("long/name", "after"));
  EXPECT_EQ(entries[0].uid, 4294967294u);
  EXPECT_EQ(entries[0].gid, 70000u);
  EXPECT_EQ(entries[0].size, 2000u);
}

TEST(TarParser, OfARepeatedPaxKeyTheLastCountsAndAnEmptyValueTakesItBack) {
  EXPECT_EQ(only(TarWriter().pax({{"path", "first"}, {"path", "second"}}).file("header")).path, "second");
  EXPECT_EQ(only(TarWriter().pax({{"path", "first"}, {"path", ""}}).file("header")).path, "header");
  EXPECT_EQ(only(TarWriter().pax({{"path", "first"}}).pax({{"uid", "3"}}).file("header")).path, "first");
}

TEST(TarParser, PaxTimesHaveFractionsAndSigns) {
  const std::tuple<const char*, std::int64_t, std::uint32_t> cases[] = {
      {"1234567890.123456789", 1234567890, 123456789},
      {"1234567890.5", 1234567890, 500000000},
      {"1234567890.1234567899", 1234567890, 123456789},
      {"-1", -1, 0},
      {"-1.5", -2, 500000000},
      {"-0.000000001", -1, 999999999},
      {"-86400.000000001", -86401, 999999999},
      {"7.", 7, 0},
      {"0.25", 0, 250000000},
      {"-9223372036854775807.9", INT64_MIN, 100000000},
  };
  for (const auto& [text, seconds, nanoseconds] : cases) {
    const TarEntry entry = only(TarWriter().pax({{"mtime", text}}).file("f"));
    EXPECT_EQ(entry.mtime.seconds, seconds) << text;
    EXPECT_EQ(entry.mtime.nanoseconds, nanoseconds) << text;
  }
  for (const char* text : {"x", ".5", "1.5x", "--1", "+1", "9223372036854775808", "1e5", "-", "1.-5"}) {
    EXPECT_THAT(error_of(TarWriter().pax({{"mtime", text}}).file("f")), HasSubstr("invalid PAX mtime"))
        << text;
  }
}

TEST(TarParser, BrokenPaxRecordsAreErrors) {
  const std::string nul(1, '\0');
  ASSERT_EQ(pax_record("path", "abc"), "12 path=abc\n");
  const std::pair<std::string, const char*> cases[] = {
      {"12 path=abc", "length"},
      {"13 path=abc\n", "length"},
      {"11 path=abc\n", "newline"},
      {"x path=abc\n", "length"},
      {"-12 path=abc\n", "length"},
      {"12path=abc\n", "length"},
      {"0 path=abc\n", "length"},
      {"2 ", "length"},
      {"1 a=b\n", "length"},
      {" ", "length"},
      {"18446744073709551616 a=b\n", "length"},
      {"12 path=abc\n0", "length"},
      {"3 \n", "key"},
      {"6 abc\n", "key"},
      {"6 =ab\n", "key"},
      {pax_record("path", "a" + nul + "c"), "PAX path contains a NUL"},
      {pax_record("linkpath", nul), "PAX linkpath contains a NUL"},
      {pax_record("SCHILY.xattr.a" + nul, "v"), "xattr name contains a NUL"},
      {pax_record("uid", "x"), "invalid PAX uid"},
      {pax_record("size", "-1"), "invalid PAX size"},
      {pax_record("gid", "1 2"), "invalid PAX gid"},
  };
  for (const auto& [body, message] : cases) {
    const std::string error = error_of(TarWriter().pax_body(body).file("f"));
    EXPECT_THAT(error, HasSubstr("tar header at byte ")) << body;
    EXPECT_THAT(error, HasSubstr(message)) << body;
  }
}

TEST(TarParser, GlobalHeadersAreIgnored) {
  TarWriter tar;
  tar.pax({{"mtime", "1000"}, {"uid", "77"}, {"path", "global"}}, 'g').file("f", "x", {.mtime = 5});
  const TarEntry entry = only(tar);
  EXPECT_EQ(entry.path, "f");
  EXPECT_EQ(entry.uid, 0u);
  EXPECT_EQ(entry.mtime.seconds, 5);
}

TEST(TarParser, XattrsAreSortedAndKeptToTheByte) {
  const std::string binary("a=b\n\0\xff=", 7);
  TarWriter tar;
  tar.file("f", "",
           {.xattrs = {{"user.z", "1"}, {"security.capability", binary}, {"user.empty", ""}, {"user.z", "2"}},
            .pax = {{"LIBARCHIVE.xattr.user.x", "eA=="}, {"SCHILY.xattr.", "v"}}});
  EXPECT_THAT(only(tar).xattrs,
              ElementsAre(Pair("security.capability", binary), Pair("user.empty", ""), Pair("user.z", "2")));
}

TEST(TarParser, AnExtendedHeaderWithoutAnEntryIsAnError) {
  EXPECT_THAT(error_of(TarWriter().pax({{"path", "x"}})), HasSubstr("ends after an extended header"));
  EXPECT_THAT(parse_tar(TarWriter().gnu_long('L', "x").text(0)).error().message(),
              HasSubstr("end of the stream inside"));
}

TEST(TarParser, TheErrorOfTheSinkEndsTheParsing) {
  int calls = 0;
  TarParser parser([&calls](TarEntry&&) -> Status {
    ++calls;
    return fail(Errc::unsupported, "enough");
  });
  const Bytes tar = TarWriter().file("a").file("b").bytes();
  EXPECT_EQ(parser.feed(tar).error().message(), "enough");
  EXPECT_TRUE(parser.feed(tar).has_value());
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace layoutfs::testing
