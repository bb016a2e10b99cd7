#include "core/cas/foreign_format.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>
#include <vector>

#include "core/base/compression.h"
#include "core/base/file.h"
#include "core/base/list_text.h"
#include "core/base/utf8.h"
#include "core/cas/layout_dir.h"

namespace layoutfs {
namespace {

constexpr const char* kManifestFile = "manifest.json";
constexpr const char* kRepositoriesFile = "repositories";
constexpr const char* kVersionFile = "version";
constexpr std::size_t kMaxListed = 10'000;  // entries read per directory
constexpr std::size_t kMaxLooks = 1000;     // directories searched

// A format, and the hint with the command that converts it to a layout.
struct Format {
  std::string name;
  std::string hint;
};

// Returns `text` quoted as one word for a shell.
std::string shell_word(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-+:@%=,").contains(c);
  };
  if (!text.empty() && std::ranges::all_of(text, is_plain)) return std::string(text);
  std::string word = "'";
  for (const char c : printable(text)) word += c == '\'' ? "'\\''" : std::string(1, c);
  return word + "'";
}

std::string skopeo(const std::string& source) { return "skopeo copy " + shell_word(source) + " oci:DIR:TAG"; }

std::string convert_with(const std::string& command) { return "convert it with: " + command; }

Error no_layout(std::string_view where, const std::optional<Format>& format) {
  const std::string message = "not an image layout (no oci-layout file" + std::string(where) + ")";
  if (!format) return {Errc::invalid_image, message};
  return Error(Errc::invalid_image, message + " but " + format->name).with_hint(format->hint);
}

// Returns "its folder X/", or a list of several folders.
std::string folders_text(const std::vector<std::string>& folders) {
  std::vector<std::string> texts;
  for (const std::string& folder : folders) texts.push_back(printable(folder) + "/");
  return list_of(texts);
}

std::string ostree(const std::string& repository) {
  return "ostree container encapsulate --repo=" + shell_word(repository) + " REF oci:DIR:TAG";
}

// Top directories of a root filesystem; two of them suffice to recognize one.
constexpr std::array<std::string_view, 7> kRootFolders{"bin", "boot", "etc", "lib", "sbin", "usr", "var"};

// ---- Directories ----

class Directory {
 public:
  Directory(int fd, const std::string& path) : fd_(fd), path_(path) {}

  std::optional<Format> format() const {
    for (const auto find : {&Directory::image_format, &Directory::unmarked_layout, &Directory::layouts_below,
                            &Directory::storage_format})
      if (auto found = (this->*find)()) return found;
    return std::nullopt;
  }

  std::optional<Format> image_format() const {
    const std::string manifest = front_of(kManifestFile);
    const auto first = manifest.find_first_not_of(" \t\r\n");
    const bool is_object = first != std::string::npos && manifest[first] == '{';
    if (front_of(kVersionFile).starts_with("Directory Transport Version") || is_object)
      return Format{"a directory of skopeo's dir: transport", convert_with(skopeo("dir:" + path_))};
    if (has_file(kManifestFile) || has_file(kRepositoriesFile))
      return Format{
          "an unpacked docker archive",
          convert_with("tar -C " + shell_word(path_) + " -cf FILE . && " + skopeo("docker-archive:FILE"))};
    return std::nullopt;
  }

 private:
  bool has(const std::string& name, mode_t type) const {
    struct stat found;
    return ::fstatat(fd_, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 && (found.st_mode & S_IFMT) == type;
  }
  bool has_file(const std::string& name) const { return has(name, S_IFREG); }
  bool has_folder(const std::string& name) const { return has(name, S_IFDIR); }

  // Returns the first bytes of a file, "" if it does not exist.
  std::string front_of(const char* name) const {
    const auto file = open_at(fd_, name, kReadFlags);
    const auto found = file ? stat_of(file->get(), name) : std::unexpected(file.error());
    if (!found || !S_ISREG(found->st_mode)) return "";
    Bytes front(64);
    const auto got = pread_full(file->get(), front, 0);
    return got ? std::string(as_text(ByteView(front).first(*got))) : "";
  }

  std::optional<Format> unmarked_layout() const {
    if (has_file(kIndexFile) && has_folder(kBlobsFolder))
      return Format{"an incomplete layout",
                    R"(create the file with: echo '{"imageLayoutVersion":"1.0.0"}' >)" +
                        shell_word(path_ + "/" + kMarkerFile)};
    return std::nullopt;
  }

  std::optional<Format> layouts_below() const {
    const std::vector<std::string> found = find_layouts();
    if (found.empty()) return std::nullopt;
    if (found.size() == 1)
      return Format{"a directory with a layout in " + folders_text(found),
                    "use " + shell_word(path_ + "/" + found.front())};
    return Format{"a directory of layouts (" + folders_text(found) + ")",
                  "use one of them, or all with: layoutfs mount --repositories " + shell_word(path_) +
                      " MOUNTPOINT, or layoutfs copy oci-repositories:" + shell_word(path_) + " DST"};
  }

  std::optional<Format> storage_format() const {
    if (has_file("config") && has_folder("objects") && has_folder(kRefsFolder))
      return Format{"an ostree repository", convert_with(ostree(path_))};
    if (has_file("repo/config") && has_folder("repo/objects"))
      return Format{"an ostree repository", convert_with(ostree(path_ + "/repo"))};
    if (has_folder("overlay-images") || has_folder("vfs-images") || has_folder("btrfs-images"))
      return Format{"the storage of podman, buildah and CRI-O",
                    convert_with(skopeo("containers-storage:[" +
                                        std::string(has_folder("overlay-images") ? "overlay" : "vfs") + "@" +
                                        path_ + "]IMAGE"))};
    if (has_folder("image/overlay2") || (has_folder("containers") && has_folder("overlay2")))
      return Format{"the storage of Docker", convert_with(skopeo("docker-daemon:IMAGE"))};
    if (has_folder("blobs/sha256") && has_folder("ingest"))
      return Format{"the content store of containerd", convert_with("ctr images export FILE IMAGE")};
    if (std::ranges::count_if(kRootFolders, [&](std::string_view name) {
          return has_folder(std::string(name)) || has(std::string(name), S_IFLNK);
        }) > 1)
      return Format{"a root filesystem",
                    convert_with("tar -C " + shell_word(path_) +
                                 " -c . | podman import - NAME && podman save --format oci-dir -o DIR NAME")};
    return std::nullopt;
  }

  // Returns the paths of layouts up to two levels below this directory.
  std::vector<std::string> find_layouts() const {
    std::vector<std::string> layouts;
    std::size_t looks = 0;
    for (const std::string& folder : folders_in(".")) {
      if (++looks > kMaxLooks) break;
      if (is_layout(folder)) layouts.push_back(folder);
      for (const std::string& below : folders_in(folder)) {
        if (++looks > kMaxLooks) break;
        if (is_layout(folder + "/" + below)) layouts.push_back(folder + "/" + below);
      }
    }
    return layouts;
  }

  bool is_layout(const std::string& folder) const {
    const std::string marker = folder + "/" + kMarkerFile;
    return has_file(marker) || has(marker, S_IFLNK);
  }

  std::vector<std::string> folders_in(const std::string& folder) const {
    std::vector<std::string> names;
    auto opened = open_at(fd_, folder, kFolderFlags);
    if (!opened) return names;
    std::size_t seen = 0;
    const auto visit = [&](const char* name, unsigned char type) -> Status {
      if (type == DT_DIR) names.emplace_back(name);
      return ++seen < kMaxListed ? Status() : fail(Errc::cancelled, "enough");
    };
    ignore(for_each_entry(std::move(*opened), folder, visit), "those that were seen are enough for a hint");
    std::ranges::sort(names);
    return names;
  }

  const int fd_;
  const std::string& path_;
};

// ---- Tars ----

using Names = std::set<std::string, std::less<>>;

bool has_below(const Names& names, const std::string& folder) {
  const auto found = names.lower_bound(folder + "/");
  return found != names.end() && found->starts_with(folder + "/");
}

std::optional<Format> foreign_format_of(const Names& names, const std::string& path) {
  const auto unpacked = "mkdir DIR && tar -C DIR -xf " + shell_word(path);
  if (names.contains(kManifestFile) && names.contains(kVersionFile))
    return Format{"a tar of a directory of skopeo's dir: transport",
                  convert_with(unpacked + " && " + skopeo("dir:DIR"))};
  if (names.contains(kManifestFile))
    return Format{"a docker archive (docker save before 25, podman save)",
                  convert_with(skopeo("docker-archive:" + path))};
  if (names.contains(kRepositoriesFile))
    return Format{
        "a docker archive older than Docker 1.10",
        convert_with("docker load -i " + shell_word(path) + " && " + skopeo("docker-daemon:IMAGE"))};
  const std::string ending = "/" + std::string(kMarkerFile);
  std::vector<std::string> layouts;
  for (const std::string& name : names)
    if (name.ends_with(ending)) layouts.push_back(name.substr(0, name.size() - ending.size()));
  if (layouts.size() == 1)
    return Format{"an archive with a layout in " + folders_text(layouts),
                  "unpack it with: " + unpacked + "; then use " + shell_word("DIR/" + layouts.front())};
  if (!layouts.empty())
    return Format{"an archive of layouts (" + folders_text(layouts) + ")",
                  "unpack it with: " + unpacked + "; then use one of them"};
  if (names.contains(kIndexFile) && has_below(names, kBlobsFolder))
    return Format{
        "an incomplete layout",
        convert_with(unpacked + R"( && echo '{"imageLayoutVersion":"1.0.0"}' >DIR/)" + kMarkerFile)};
  if (names.contains("repo/config") || names.contains("repo/objects/"))
    return Format{"an archive of an ostree repository", convert_with(unpacked + " && " + ostree("DIR/repo"))};
  if (names.contains("sysroot/ostree/"))
    return Format{"an archive of an ostree repository",
                  convert_with(unpacked + " && " + ostree("DIR/sysroot/ostree/repo"))};
  if (names.contains("config") && has_below(names, "objects"))
    return Format{"an archive of an ostree repository", convert_with(unpacked + " && " + ostree("DIR"))};
  if (std::ranges::count_if(kRootFolders, [&](std::string_view name) {
        return names.contains(name) || has_below(names, std::string(name));
      }) > 1)
    return Format{"a root filesystem, or a layer of one",
                  convert_with("podman import " + shell_word(path) +
                               " NAME && podman save --format oci-dir -o DIR NAME")};
  return std::nullopt;
}

// ---- Transports ----

constexpr std::string_view kRegistryTransport = "docker://";

struct Transport {
  std::string_view prefix;
  std::string_view name;
  bool is_of_path;  // requires a path; otherwise it may be the name of a layout
};
constexpr std::array kTransports{
    Transport{kRegistryTransport, "an image in a registry", false},
    Transport{"docker-daemon:", "an image in Docker's storage", false},
    Transport{"containers-storage:", "an image in the storage of podman, buildah or CRI-O", false},
    Transport{"dir:", "a directory of skopeo's dir: transport", true},
    Transport{"ostree:", "an image in an ostree repository", true},
    Transport{"sif:", "a SIF image", true},
    Transport{"tarball:", "a tar of a root filesystem", true},
};

bool is_path(std::string_view text) {
  if (text.starts_with('/') || text.starts_with("./") || text.starts_with("../")) return true;
  std::error_code ignored;
  return !text.empty() && std::filesystem::exists(std::filesystem::path(text), ignored);
}

}  // namespace

Error explain_directory(int directory, const std::string& path) {
  return no_layout("", Directory(directory, path).format());
}

std::optional<Error> explain_image_directory(const std::string& path) {
  const auto directory = open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY);
  if (!directory) return std::nullopt;
  const auto format = Directory(directory->get(), path).image_format();
  if (!format) return std::nullopt;
  return no_layout("", format).with(path);
}

Error explain_tar(const std::set<std::string, std::less<>>& names, const std::string& path) {
  return no_layout(" in the archive", foreign_format_of(names, path));
}

Error explain_no_index(const std::set<std::string, std::less<>>& names, const std::string& path) {
  if (!has_below(names, kRefsFolder)) return {Errc::invalid_image, std::string(kIndexFile) + " is missing"};
  return Error(Errc::unsupported,
               "the layout in the archive keeps its references in refs/, which is supported only in a "
               "directory")
      .with_hint("unpack it with: mkdir DIR && tar -C DIR -xf " + shell_word(path));
}

Error explain_file(ByteView front, const std::string& path) {
  const std::string_view text = as_text(front);
  if (const CompressionFormat* const found = find_format(front))
    return Error(Errc::unsupported,
                 "compressed with " + std::string(found->name) + ", which cannot be read in place")
        .with_hint("decompress it with: " + std::string(found->command) + " " + shell_word(path) + " >FILE");
  const std::string what = "neither a directory nor a tar archive";
  const std::filesystem::path whole(path);
  const std::string name = whole.filename().string();
  if (name == kIndexFile || name == kMarkerFile) {
    const std::string parent = whole.parent_path().string();
    return Error(Errc::invalid_image, what + " but a file of a layout")
        .with_hint("use its directory: " + shell_word(parent.empty() ? "." : parent));
  }
  constexpr std::size_t kSifMagic = 32;
  if (text.size() > kSifMagic && text.substr(kSifMagic).starts_with("SIF_MAGIC"))
    return Error(Errc::invalid_image, what + " but a SIF image")
        .with_hint(convert_with(skopeo("sif:" + path)));
  return {Errc::invalid_image, what};
}

std::optional<Error> explain_transport(std::string_view argument) {
  const auto found = std::ranges::find_if(
      kTransports, [&](const Transport& each) { return argument.starts_with(each.prefix); });
  if (found == kTransports.end()) return std::nullopt;
  if (found->is_of_path && !is_path(argument.substr(found->prefix.size()))) return std::nullopt;
  const std::string source(argument);
  return Error(Errc::unsupported,
               printable(argument) + ": not an image layout but " + std::string(found->name))
      .with_hint(found->prefix == kRegistryTransport
                     ? "copy it to a layout with: layoutfs copy " + shell_word(source) + " DIR"
                     : convert_with(skopeo(source)));
}

}  // namespace layoutfs
