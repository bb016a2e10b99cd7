// The store of names on disk: its files, their permissions, and concurrent changes.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <thread>

#include "layoutfs/image_store.h"
#include "tests/names/image_store_fixture.h"
#include "tests/support/held_lock.h"
#include "tests/support/other_user.h"

namespace layoutfs {
namespace {

using testing::code_of;
using ::testing::ElementsAre;
using testing::file_text;
using ::testing::HasSubstr;
using testing::ImageStoreTest;
using ::testing::IsEmpty;
using testing::names_in;
using testing::names_of;
using testing::target_of;
using testing::write_file;

TEST_F(ImageStoreTest, WritesAVersionedDocumentInTheOrderOfNames) {
  create("b", {{"k", "v"}});
  create("a");
  EXPECT_THAT(file_text(file()),
              ::testing::MatchesRegex("\\{\n *\"version\": 1,\n *\"images\": \\[\n *\\{\n *"
                                      "\"name\": \"a\",(.|\n)*\"name\": \"b\",\n *\"labels\": "
                                      "\\{\n *\"k\": \"v\"\n *\\},\n *\"createdAt\": "
                                      "\"20[0-9T:.-]*Z\",\n *\"updatedAt\"(.|\n)*\\}\n"));
  EXPECT_THAT(names_in(path_), ElementsAre("default.json"));
}

TEST_F(ImageStoreTest, ChangesNoFileThatReadersUnderstandDifferently) {
  create("a", {{"k", "v"}});
  const std::string good = file_text(file());
  for (const auto& [from, to] :
       {std::pair<std::string, std::string>{"\"images\":", "\"images\": [], \"images\":"},
        {"\"k\": \"v\"", "\"k\": \"w\", \"k\": \"v\""},
        {"\"digest\":", "\"digest\": \"\", \"digest\":"}}) {
    std::string twice = good;
    twice.replace(twice.find(from), from.size(), to);
    EXPECT_EQ(refused(twice), Errc::invalid_image);
  }
}

TEST_F(ImageStoreTest, KeepsNamespacesApart) {
  ImageStore other = open_image_store(path_, "k8s.io").value();
  create("a");
  EXPECT_THAT(names_of(other.list().value()), IsEmpty());
  ASSERT_TRUE(other.create({.name = "b", .labels = {}, .target = target_of("b")}).has_value());
  EXPECT_THAT(listed(), ElementsAre("a"));
  EXPECT_THAT(names_in(path_), ElementsAre("default.json", "k8s.io.json"));
  write_file(path_ + "/-x.json", "");
  write_file(path_ + "/other.txt", "");
  std::filesystem::create_directory(path_ + "/folder.json");
  EXPECT_THAT(image_namespaces(path_).value(), ElementsAre("default", "k8s.io"));
  EXPECT_THAT(image_namespaces(directory_ / "none").value(), IsEmpty());
  EXPECT_EQ(code_of(image_namespaces(file())), Errc::io);
}

TEST(ImageNamespace, IsAName) {
  EXPECT_EQ(code_of(open_image_store("x", "")), Errc::failed_precondition);
  for (const char* wrong :
       {".", "..", "a/b", "../a", "-a", "a-", "a..b", "a._b", ".a", "a b", "\xc3\xa4", "a\n"})
    EXPECT_EQ(code_of(open_image_store("x", wrong)), Errc::invalid_argument) << wrong;
  EXPECT_EQ(code_of(open_image_store("x", std::string(77, 'a'))), Errc::invalid_argument);
  for (const char* right : {"a", "A-b_c.9", "default", "k8s.io"})
    EXPECT_TRUE(open_image_store("x", right).has_value()) << right;
  EXPECT_TRUE(open_image_store("x", std::string(76, 'a')).has_value());
}

TEST_F(ImageStoreTest, WritesNothingBeforeAnImageIsCreated) {
  EXPECT_THAT(listed(), IsEmpty());
  EXPECT_EQ(code_of(store_.get("a")), Errc::not_found);
  EXPECT_EQ(code_of(store_.update({.name = "a", .labels = {}, .target = target_of("a")})), Errc::not_found);
  EXPECT_EQ(code_of(store_.remove("a")), Errc::not_found);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ImageStoreTest, IsReadWhereNothingCanBeWritten) {
  create("a");
  std::filesystem::permissions(path_, std::filesystem::perms(0555));
  std::filesystem::permissions(directory_.path(), std::filesystem::perms(0755));
  {
    const testing::AsNobody nobody;
    ImageStore store = open_image_store(path_, "default").value();
    EXPECT_THAT(names_of(store.list().value()), ElementsAre("a"));
    EXPECT_EQ(code_of(store.remove("a")), Errc::io);
    EXPECT_EQ(code_of(store.create({.name = "b", .labels = {}, .target = target_of("b")})), Errc::io);
  }
  EXPECT_THAT(listed(), ElementsAre("a"));
}

TEST_F(ImageStoreTest, SeesWhatOthersHaveWritten) {
  ImageStore other = open_image_store(path_, "default").value();
  for (int i = 0; i < 20; ++i) {
    const std::string name = "image-" + std::to_string(i);
    create(name);
    EXPECT_TRUE(other.get(name).has_value()) << i;
    EXPECT_TRUE(other.remove(name).has_value()) << i;
    EXPECT_EQ(code_of(store_.get(name)), Errc::not_found) << i;
  }
}

TEST_F(ImageStoreTest, NeverOverwritesAFileThatIsBroken) {
  create("a");
  const std::string good = file_text(file());
  const auto changed = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  EXPECT_EQ(refused(""), Errc::invalid_image);
  EXPECT_EQ(refused("{"), Errc::invalid_image);
  EXPECT_EQ(refused(good.substr(0, good.size() / 2)), Errc::invalid_image);
  EXPECT_EQ(refused("[]"), Errc::invalid_image);
  EXPECT_EQ(refused("{\"version\":1}"), Errc::invalid_image);
  EXPECT_EQ(refused("{\"version\":1,\"images\":{}}"), Errc::invalid_image);
  EXPECT_EQ(refused("{\"version\":1,\"images\":[1]}"), Errc::invalid_image);
  EXPECT_EQ(refused("{\"images\":[]}"), Errc::invalid_image);
  EXPECT_EQ(refused("{\"version\":2,\"images\":[]}"), Errc::unsupported);
  EXPECT_EQ(refused(changed("\"name\": \"a\"", "\"name\": \"\"")), Errc::invalid_image);
  EXPECT_EQ(refused(changed("\"name\"", "\"nom\"")), Errc::invalid_image);
  EXPECT_EQ(refused(changed("\"target\"", "\"goal\"")), Errc::invalid_image);
  EXPECT_EQ(refused(changed("\"size\": 10", "\"size\": 0")), Errc::invalid_image);
  EXPECT_EQ(refused(changed("\"labels\": {}", "\"labels\": {\"a\":1}")), Errc::invalid_image);
  EXPECT_EQ(refused(changed("\"createdAt\": \"2", "\"createdAt\": \"x")), Errc::invalid_image);
  EXPECT_EQ(refused(changed("sha256:", "sha1:")), Errc::unsupported);
  const auto begin = good.find('[') + 1, end = good.rfind(']');
  const std::string image = good.substr(begin, end - begin);
  EXPECT_EQ(refused("{\"version\":1,\"images\":[" + image + "," + image + "]}"), Errc::invalid_image);
  write_file(file(), good);
  EXPECT_THAT(listed(), ElementsAre("a"));
}

TEST_F(ImageStoreTest, ReadsNothingButRegularFiles) {
  create("a");
  std::filesystem::rename(file(), path_ + "/elsewhere");
  std::filesystem::create_symlink("elsewhere", file());
  EXPECT_EQ(code_of(store_.list()), Errc::invalid_image);
  EXPECT_EQ(code_of(store_.remove("a")), Errc::invalid_image);
  std::filesystem::remove(file());
  ASSERT_EQ(::mkfifo(file().c_str(), 0644), 0);
  EXPECT_EQ(code_of(store_.list()), Errc::invalid_image);
  std::filesystem::remove(file());
  std::filesystem::create_directory(file());
  EXPECT_EQ(code_of(store_.list()), Errc::invalid_image);
  EXPECT_EQ(code_of(open_image_store(path_ + "/elsewhere", "default")->list()), Errc::io);
  EXPECT_EQ(code_of(open_image_store(path_ + "/elsewhere", "default")
                        ->create({.name = "a", .labels = {}, .target = target_of("a")})),
            Errc::io);
}

TEST_F(ImageStoreTest, KeepsTimesToTheNanosecondAndOnlyTimesThatAre) {
  create("a");
  const std::string good = file_text(file());
  const auto with_time = [&](std::string_view time) {
    std::string text = good;
    const std::string_view key = "\"createdAt\": \"";
    const auto at = text.find(key) + key.size();
    return text.replace(at, text.find('"', at) - at, time);
  };
  for (const char* time : {"2026-11-22T08:10:00.000000001Z", "1999-12-31T23:59:59.999999999Z",
                           "2024-02-29T00:00:00.000000000Z", "1969-07-20T20:17:40.000000001Z"}) {
    write_file(file(), with_time(time));
    ASSERT_TRUE(store_.update({.name = "a", .labels = {}, .target = target_of("a")}).has_value()) << time;
    EXPECT_THAT(file_text(file()), HasSubstr(time));
  }
  write_file(file(), with_time("2000-01-01T00:00:01.000000002Z"));
  EXPECT_EQ(store_.get("a")->created_at.time_since_epoch(), std::chrono::nanoseconds(946684801'000000002));
  for (const char* wrong :
       {"", "2026-11-22T08:10:00Z", "2026-02-30T08:10:00.000000001Z", "2026-11-22T24:10:00.000000001Z",
        "2026-11-22T08:60:00.000000001Z", "2026-11-22T08:10:60.000000001Z", "2026-11-22 08:10:00.000000001Z",
        "2026-11-22T08:10:00.000000001+", "1600-11-22T08:10:00.000000001Z", "2300-11-22T08:10:00.000000001Z",
        "2026-13-22T08:10:00.000000001Z", "-026-11-22T08:10:00.000000001Z"})
    EXPECT_EQ(refused(with_time(wrong)), Errc::invalid_image) << wrong;
}

TEST_F(ImageStoreTest, AnUpdateIsLaterThanWhatWasThereWhateverTheClockSays) {
  create("a");
  std::string text = file_text(file());
  const std::string_view key = "\"updatedAt\": \"";
  const auto at = text.find(key) + key.size();
  write_file(file(), text.replace(at, text.find('"', at) - at, "2200-01-01T00:00:00.000000000Z"));
  const auto before = store_.get("a").value();
  const auto after = store_.update(before).value();
  EXPECT_GT(after.updated_at, before.updated_at);
}

TEST_F(ImageStoreTest, RemovesWhatAWriterThatWasEndedHasLeft) {
  create("a");
  write_file(path_ + "/.oci-0123456789abcdef/b-0", "half of a");
  write_file(path_ + "/.oci-mine/b-0", "somebody's");
  create("b");
  EXPECT_THAT(names_in(path_), ElementsAre(".oci-mine", "default.json"));
}

TEST_F(ImageStoreTest, LosesNoChangeOfAnyThread) {
  constexpr int kThreads = 4, kImages = 8;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      // One store for all threads, and one for each.
      ImageStore own = open_image_store(path_, "default", {.is_durable = false}).value();
      ImageStore& store = t % 2 == 0 ? store_ : own;
      for (int i = 0; i < kImages; ++i) {
        const std::string name = std::to_string(t) + "-" + std::to_string(i);
        ASSERT_TRUE(store.create({.name = name, .labels = {}, .target = target_of(name)}).has_value());
        const std::vector<std::string> label{"labels." + name};
        ignore(store.create({.name = "all", .labels = {}, .target = target_of("all")}),
               "its moment counts alone");
        ASSERT_TRUE(store.update({.name = "all", .labels = {{name, "x"}}, .target = {}}, label).has_value());
        if (i % 2 == 0) continue;
        ASSERT_TRUE(store.remove(name).has_value());
      }
    });
  threads.clear();
  EXPECT_EQ(listed().size(), kThreads * kImages / 2 + 1u);
  EXPECT_EQ(store_.get("all")->labels.size(), std::size_t{kThreads} * kImages);
}

TEST_F(ImageStoreTest, AChangeWaitsForTheLockWhileItsContextLasts) {
  create("a");
  testing::HeldLock lock(path_);
  ASSERT_TRUE(lock.is_held());
  const auto soon = [] {
    return Context{.stop = {}, .deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(20)};
  };
  const NamedImage b{.name = "b", .labels = {}, .target = target_of("b")};
  EXPECT_EQ(code_of(store_.create(b, soon())), Errc::cancelled);
  EXPECT_EQ(code_of(store_.update({.name = "a", .labels = {}, .target = target_of("b")}, {}, soon())),
            Errc::cancelled);
  EXPECT_EQ(code_of(store_.remove("a", {}, soon())), Errc::cancelled);
  lock.release();
  EXPECT_TRUE(store_.create(b, {.stop = {}, .deadline = std::chrono::steady_clock::time_point::max()}));
  EXPECT_TRUE(store_.get("a"));
}

}  // namespace
}  // namespace layoutfs
