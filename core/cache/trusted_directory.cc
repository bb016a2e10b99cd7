// Directories that only this user and root can write.
#include "core/cache/trusted_directory.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "core/base/beneath.h"
#include "core/base/user_namespace.h"

namespace layoutfs {
namespace {

bool is_ours(const struct stat& status) noexcept {
  return status.st_uid == ::geteuid() || status.st_uid == 0;
}

// In a user namespace, the owner of / and of other system directories may have no ID. Other users without an
// ID are indistinguishable from it.
bool is_of_the_system(const struct stat& status) {
  constexpr uid_t kOverflowUser = 65534;
  return status.st_uid == kOverflowUser && !is_first_user_namespace();
}

// Walks from the root to a directory and checks each component.
class TrustedWalk {
 public:
  TrustedWalk(const std::string& path, IfMissing if_missing) : path_(path), if_missing_(if_missing) {}

  Result<UniqueFd> run() {
    std::string absolute = path_;
    if (!path_.starts_with('/')) {
      std::error_code failed;
      absolute = std::filesystem::current_path(failed).string() + "/" + path_;
      if (failed) return fail(Error::system(failed.value(), path_));
    }
    texts_.push_back(std::move(absolute));
    if (auto begun = go_to_root(); !begun) return fail(std::move(begun).error());
    return walk();
  }

  // Starts at `directory`, which is trusted; `shown` is its path.
  Result<UniqueFd> run_below(const UniqueFd& directory, std::string shown, std::string relative) {
    auto from = open_at(directory.get(), ".", O_PATH | O_DIRECTORY);
    if (!from) return from;
    here_ = std::move(*from);
    shown_ = std::move(shown);
    texts_.push_back(std::move(relative));
    return walk();
  }

 private:
  Result<UniqueFd> walk() {
    while (!texts_.empty()) {
      const std::string name = take_component();
      if (name.empty() || name == ".") continue;
      if (auto entered = enter(name); !entered) return fail(std::move(entered).error());
    }
    auto directory = open_at(here_.get(), ".", O_RDONLY | O_DIRECTORY);
    if (!directory) return fail(Error::system(directory.error().sys(), path_));
    const auto status = stat_of(directory->get(), path_);
    if (!status) return fail(Error(status.error()));
    if (!is_trusted(*status))
      return fail(Errc::invalid_argument, path_ + ": others can write this directory");
    return directory;
  }

  std::string take_component() {
    std::string& text = texts_.back();
    const std::size_t slash = std::min(text.find('/'), text.size());
    std::string name = text.substr(0, slash);
    text.erase(0, slash + 1);
    if (text.empty()) texts_.pop_back();
    return name;
  }

  Status go_to_root() {
    auto root = open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
    if (!root) return fail(std::move(root).error());
    const auto status = stat_of(root->get(), "/");
    if (!status) return fail(Error(status.error()));
    shown_ = "/";
    return go_to(std::move(*root), *status);
  }

  // `shown_` is a path of the directory.
  Status go_to(UniqueFd directory, const struct stat& status) {
    if (!is_ours(status) && !is_of_the_system(status))
      return fail(Errc::invalid_argument, path_ + ": " + shown_ + " belongs to another user");
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (status.st_mode & S_ISVTX) == 0)
      return fail(Errc::invalid_argument,
                  path_ + ": others can write " + (shown_ == path_ ? "this directory" : shown_));
    here_ = std::move(directory);
    return {};
  }

  Result<UniqueFd> open_or_create(const std::string& name) {
    constexpr int kFlags = O_PATH | O_NOFOLLOW;
    auto opened = open_at(here_.get(), name, kFlags);
    if (!opened && opened.error().sys() == ENOENT && if_missing_ == IfMissing::create) {
      if (::mkdirat(here_.get(), name.c_str(), 0700) != 0 && errno != EEXIST)
        return fail(Error::system(errno, "cannot create " + shown_));
      opened = open_at(here_.get(), name, kFlags);
    }
    if (!opened) return fail(Error::system(opened.error().sys(), path_));
    return opened;
  }

  Status enter(const std::string& name) {
    if (!shown_.ends_with('/')) shown_ += '/';
    shown_ += name;
    auto next = open_or_create(name);
    if (!next) return fail(std::move(next).error());
    const auto status = stat_of(next->get(), path_);
    if (!status) return fail(Error(status.error()));
    if (S_ISLNK(status->st_mode)) return follow(next->get(), *status);
    if (!S_ISDIR(status->st_mode)) return fail(Error::system(ENOTDIR, path_));
    return go_to(std::move(*next), *status);
  }

  Status follow(int symlink, const struct stat& status) {
    if (!is_ours(status))
      return fail(Errc::invalid_argument, path_ + ": the symlink " + shown_ + " belongs to another user");
    if (++symlinks_ > kMaxLinks) return fail(Error::system(ELOOP, path_));
    std::array<char, PATH_MAX> target{};
    const auto size = ::readlinkat(symlink, "", target.data(), target.size());
    if (size < 0) return fail(Error::system(errno, path_));
    const std::string_view text(target.data(), static_cast<std::size_t>(size));
    if (!text.empty()) texts_.emplace_back(text);
    if (text.starts_with('/')) return go_to_root();
    shown_.resize(shown_.rfind('/'));
    return {};
  }

  const std::string path_;
  const IfMissing if_missing_;
  std::vector<std::string> texts_;  // a stack: the target of a symlink comes before the components after the
                                    // symlink
  UniqueFd here_;
  std::string shown_;  // the path of the current component
  int symlinks_ = 0;
};

}  // namespace

bool is_trusted(const struct stat& status) noexcept {
  return is_ours(status) && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

Result<UniqueFd> open_trusted_directory(const std::string& path, IfMissing if_missing) {
  return TrustedWalk(path, if_missing).run();
}

Result<UniqueFd> open_trusted_directory(const UniqueFd& directory, const std::string& path,
                                        const std::string& relative, IfMissing if_missing) {
  return TrustedWalk(path + "/" + relative, if_missing).run_below(directory, path, relative);
}

}  // namespace layoutfs
