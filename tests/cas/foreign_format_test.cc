// Other formats: the error names the format and the command that converts it.
#include "core/cas/foreign_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"
#include "tests/support/tar_writer.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

namespace stdfs = std::filesystem;
using ::testing::HasSubstr;
using testing::LayoutWriter;
using testing::TarWriter;
using testing::TempDir;
using testing::write_file;

struct Case {
  std::string name;                                   // of the format, in the message
  std::string command;                                // with PATH for the path
  std::function<void(const std::string& path)> make;  // an existing directory or a file
};

std::string with_path(std::string text, const std::string& path) {
  for (std::size_t at = 0; (at = text.find("PATH", at)) != std::string::npos; at += path.size())
    text.replace(at, 4, path);
  return text;
}

std::string zeros(std::size_t size) { return std::string(size, '\0'); }

TEST(ForeignFormat, OfADirectoryIsNamed) {
  const std::vector<Case> cases{
      {"skopeo's dir: transport", "skopeo copy dir:PATH oci:DIR:TAG",
       [](const std::string& path) {
         write_file(path + "/version", "Directory Transport Version: 1.1\n");
         write_file(path + "/manifest.json", R"({"schemaVersion":2})");
         write_file(path + "/" + std::string(64, 'a'), "layer");
       }},
      {"skopeo's dir: transport", "skopeo copy dir:PATH oci:DIR:TAG",
       [](const std::string& path) { write_file(path + "/manifest.json", " \n{\"schemaVersion\":2}"); }},
      {"an unpacked docker archive", "tar -C PATH -cf FILE . && skopeo copy docker-archive:FILE oci:DIR:TAG",
       [](const std::string& path) { write_file(path + "/manifest.json", "[]"); }},
      {"an unpacked docker archive", "tar -C PATH -cf FILE . && skopeo copy docker-archive:FILE oci:DIR:TAG",
       [](const std::string& path) { write_file(path + "/repositories", "{}"); }},
      {"an incomplete layout", R"(echo '{"imageLayoutVersion":"1.0.0"}' >PATH/oci-layout)",
       [](const std::string& path) {
         LayoutWriter layout(path);
         stdfs::remove(path + "/oci-layout");
       }},
      {"a layout in image/", "use PATH/image",
       [](const std::string& path) { LayoutWriter layout(path + "/image"); }},
      {"a layout in out/image/", "use PATH/out/image",
       [](const std::string& path) {
         LayoutWriter layout(path + "/out/image");
         write_file(path + "/README", "");
       }},
      {"a directory of layouts (a/, b/c/)", "layoutfs mount --repositories PATH MOUNTPOINT",
       [](const std::string& path) { LayoutWriter a(path + "/a"), b(path + "/b/c"); }},
      {"a directory of layouts (a/, b/c/)", "layoutfs copy oci-repositories:PATH DST",
       [](const std::string& path) { LayoutWriter a(path + "/a"), b(path + "/b/c"); }},
      {"an ostree repository", "ostree container encapsulate --repo=PATH REF oci:DIR:TAG",
       [](const std::string& path) {
         write_file(path + "/config", "[core]");
         stdfs::create_directories(path + "/objects/aa");
         stdfs::create_directories(path + "/refs/heads");
       }},
      {"an ostree repository", "ostree container encapsulate --repo=PATH/repo REF oci:DIR:TAG",
       [](const std::string& path) {
         write_file(path + "/repo/config", "[core]");
         stdfs::create_directories(path + "/repo/objects");
       }},
      {"the storage of podman", "skopeo copy 'containers-storage:[overlay@PATH]IMAGE' oci:DIR:TAG",
       [](const std::string& path) { stdfs::create_directories(path + "/overlay-images"); }},
      {"the storage of Docker", "skopeo copy docker-daemon:IMAGE oci:DIR:TAG",
       [](const std::string& path) { stdfs::create_directories(path + "/image/overlay2"); }},
      {"the content store of containerd", "ctr images export FILE IMAGE",
       [](const std::string& path) {
         stdfs::create_directories(path + "/blobs/sha256");
         stdfs::create_directories(path + "/ingest");
       }},
      {"a root filesystem", "tar -C PATH -c . | podman import - NAME",
       [](const std::string& path) {
         stdfs::create_directories(path + "/usr/bin");
         stdfs::create_directories(path + "/etc");
         stdfs::create_symlink("usr/bin", path + "/bin");
       }},
  };
  for (const Case& each : cases) {
    const TempDir directory;
    const std::string path = directory / "image";
    stdfs::create_directory(path);
    each.make(path);
    const auto opened = open_dir(path);
    ASSERT_FALSE(opened) << each.name;
    EXPECT_EQ(opened.error().code(), Errc::invalid_image) << each.name;
    EXPECT_THAT(opened.error().message(),
                HasSubstr(path + ": not an image layout (no oci-layout file) but "));
    EXPECT_THAT(opened.error().message(), HasSubstr(each.name));
    EXPECT_THAT(opened.error().hint(), HasSubstr(with_path(each.command, path)));
    const bool is_image = each.name.contains("dir:") || each.name.contains("docker archive");
    EXPECT_EQ(explain_image_directory(path).has_value(), is_image) << each.name;
  }
}

TEST(ForeignFormat, OfNoDirectoryIsGuessed) {
  const TempDir directory;
  const std::string path = directory / "image";
  const std::string plain = path + ": not an image layout (no oci-layout file)";
  stdfs::create_directory(path);
  EXPECT_EQ(open_dir(path).error().message(), plain);
  write_file(path + "/version", "3");
  write_file(path + "/config", "x");
  stdfs::create_directories(path + "/etc");
  stdfs::create_directories(path + "/a/b/c");
  LayoutWriter too_deep(path + "/a/b/c");
  EXPECT_EQ(open_dir(path).error().message(), plain);
  stdfs::create_symlink("a/b/c", path + "/link");
  EXPECT_EQ(open_dir(path).error().message(), plain);
}

TEST(ForeignFormat, OfATarIsNamed) {
  const auto tar = [](const std::function<void(TarWriter&)>& add) {
    return [add](const std::string& path) {
      TarWriter writer;
      add(writer);
      write_file(path, writer.text());
    };
  };
  const auto legacy = [](TarWriter& t) {
    t.file("abc.json", "{}").dir("abc").file("abc/VERSION", "1.0").file("abc/layer.tar", "");
    t.symlink("def/layer.tar", "../abc/layer.tar");
  };
  const std::vector<Case> cases{
      {"a docker archive (docker save before 25, podman save)", "skopeo copy docker-archive:PATH oci:DIR:TAG",
       tar([&](TarWriter& t) {
         legacy(t);
         t.file("manifest.json", "[]").file("repositories", "{}");
       })},
      {"a docker archive", "skopeo copy docker-archive:PATH oci:DIR:TAG", tar([](TarWriter& t) {
         t.file("./abc.tar", "").file("./abc.json", "{}").file("./manifest.json", "[]");
       })},
      {"a docker archive older than Docker 1.10",
       "docker load -i PATH && skopeo copy docker-daemon:IMAGE oci:DIR:TAG", tar([&](TarWriter& t) {
         legacy(t);
         t.file("repositories", "{}");
       })},
      {"a tar of a directory of skopeo's dir: transport",
       "mkdir DIR && tar -C DIR -xf PATH && skopeo copy dir:DIR oci:DIR:TAG", tar([](TarWriter& t) {
         t.file("manifest.json", "{}").file("version", "Directory Transport Version: 1.1");
       })},
      {"an archive with a layout in image/", "mkdir DIR && tar -C DIR -xf PATH; then use DIR/image",
       tar([](TarWriter& t) {
         for (int i = 0; i < 20'000; ++i) t.file("image/" + std::to_string(i));
         t.file("image/index.json", "{}").file("image/oci-layout", "{}");
       })},
      {"an archive with a layout in out/of/image/", "use DIR/out/of/image",
       tar([](TarWriter& t) { t.file("./out/of/image/oci-layout", "{}"); })},
      {"an archive of layouts (a/, b/)", "use one of them",
       tar([](TarWriter& t) { t.file("a/oci-layout", "{}").file("b/oci-layout", "{}"); })},
      {"an incomplete layout", "echo '{\"imageLayoutVersion\":\"1.0.0\"}' >DIR/oci-layout",
       tar([](TarWriter& t) { t.file("index.json", "{}").file("blobs/sha256/" + std::string(64, 'a')); })},
      {"an archive of an ostree repository", "ostree container encapsulate --repo=DIR/repo REF oci:DIR:TAG",
       tar([](TarWriter& t) { t.dir("repo").file("repo/config", "[core]").file("compose.json", "{}"); })},
      {"an archive of an ostree repository",
       "ostree container encapsulate --repo=DIR/sysroot/ostree/repo REF oci:DIR:TAG", tar([](TarWriter& t) {
         t.file("etc/passwd").file("usr/a").file("sysroot/ostree/repo/objects/aa/b");
       })},
      {"an archive of an ostree repository", "ostree container encapsulate --repo=DIR REF oci:DIR:TAG",
       tar([](TarWriter& t) { t.file("config", "[core]").file("objects/aa/bb.file", ""); })},
      {"a root filesystem, or a layer of one", "podman import PATH NAME",
       tar([](TarWriter& t) { t.file("./etc/passwd").file("./usr/bin/sh"); })},
      {"a root filesystem, or a layer of one", "podman import PATH NAME",
       tar([](TarWriter& t) { t.dir("var").symlink("bin", "usr/bin"); })},
  };
  for (const Case& each : cases) {
    const TempDir directory;
    const std::string path = directory / "image.tar";
    each.make(path);
    const auto opened = open_archive(path);
    ASSERT_FALSE(opened) << each.name;
    EXPECT_EQ(opened.error().code(), Errc::invalid_image) << each.name;
    EXPECT_THAT(
        opened.error().message(),
        HasSubstr(path + ": not an image layout (no oci-layout file in the archive) but " + each.name));
    EXPECT_THAT(opened.error().hint(), HasSubstr(with_path(each.command, path)));
  }
  const TempDir directory;
  tar([](TarWriter& t) { t.file("etc/passwd").file("README"); })(directory / "image.tar");
  EXPECT_EQ(open_archive(directory / "image.tar").error().message(),
            directory / "image.tar" + ": not an image layout (no oci-layout file in the archive)");
}

TEST(ForeignFormat, ReferencesInRefsAreReadInADirectoryOnly) {
  const TempDir directory;
  TarWriter tar;
  tar.file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})").dir("blobs").file("refs/latest", "{}");
  write_file(directory / "old.tar", tar.text());
  const Error error = open_archive(directory / "old.tar").error();
  EXPECT_EQ(error.code(), Errc::unsupported);
  EXPECT_THAT(error.message(), HasSubstr("keeps its references in refs/"));
  EXPECT_THAT(error.hint(), HasSubstr("tar -C DIR -xf " + directory / "old.tar"));
  EXPECT_THAT(error.message(), ::testing::Not(HasSubstr("index.json")));
}

TEST(ForeignFormat, OfAFileIsNamed) {
  const std::vector<std::pair<std::string, std::string>> compressed{
      {"\x1f\x8b\x08", "gzip"},
      {"\x28\xb5\x2f\xfd", "zstd"},
      {"\x5e\x2a\x4d\x18", "zstd"},
      {"\xfd"
       "7zXZ\0",
       "xz"},
      {"BZh91AY", "bzip2"},
      {"\x04\x22\x4d\x18", "lz4"},
      {"LZIP\x01", "lzip"},
      {std::string("\x5d\0\0", 3), "lzma"},
      {"\x1f\x9d\x90", "compress"},
  };
  const TempDir directory;
  const std::string path = directory / "it's an image";
  for (const auto& [magic, name] : compressed) {
    for (const std::size_t size : {600u, 100u}) {
      write_file(path, magic + std::string(size, 'x'));
      const Error error = open_archive(path).error();
      const std::string program = name == "lzma" ? "xz" : name == "compress" ? "gzip" : name;
      EXPECT_EQ(error.code(), Errc::unsupported);
      EXPECT_EQ(error.message(), path + ": compressed with " + name + ", which cannot be read in place");
      EXPECT_EQ(error.hint(),
                "decompress it with: " + program + " -dc '" + directory.path() + "/it'\\''s an image' >FILE");
    }
  }
  write_file(directory / "index.json", "{}");
  const Error part = open_archive(directory / "index.json").error();
  EXPECT_THAT(part.message(), HasSubstr("a file of a layout"));
  EXPECT_EQ(part.hint(), "use its directory: " + directory.path());
  write_file(directory / "image.sif",
             "#!/usr/bin/env run-singularity\n" + zeros(1) + "SIF_MAGIC" + zeros(600));
  const Error sif = open_archive(directory / "image.sif").error();
  EXPECT_THAT(sif.message(), HasSubstr("a SIF image"));
  EXPECT_EQ(sif.hint(), "convert it with: skopeo copy sif:" + directory / "image.sif oci:DIR:TAG");
  write_file(directory / "text", "some text");
  EXPECT_EQ(open_archive(directory / "text").error().message(),
            directory / "text" + ": neither a directory nor a tar archive");
}

TEST(ForeignFormat, OfATransportIsNamed) {
  for (const std::string argument :
       {"docker://alpine:3", "docker://registry.test/a/b@sha256:00", "docker-daemon:alpine:latest",
        "containers-storage:localhost/a", "dir:/tmp/image", "dir:./image", "sif:/a.sif", "ostree:/repo:a"}) {
    const auto error = explain_transport(argument);
    ASSERT_TRUE(error) << argument;
    EXPECT_EQ(error->code(), Errc::unsupported);
    EXPECT_THAT(error->message(), HasSubstr(argument + ": not an image layout but "));
    EXPECT_EQ(error->hint(), argument.starts_with("docker://")
                                 ? "copy it to a layout with: layoutfs copy " + argument + " DIR"
                                 : "convert it with: skopeo copy " + argument + " oci:DIR:TAG");
  }
  for (const std::string argument :
       {"alpine:3", "dir:latest", "oci:layout", "sif:1.0", "ostree", "docker:/x", ""})
    EXPECT_FALSE(explain_transport(argument)) << argument;
}

}  // namespace
}  // namespace layoutfs
