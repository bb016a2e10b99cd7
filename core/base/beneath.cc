// Uses openat2(2) if the kernel has it. Otherwise walks the path component by component with the same result.
// The walk also accepts absolute links that stay below the directory, and finds the link that causes a
// failure.
#include "core/base/beneath.h"

#include "core/base/path_in_proc.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <string_view>
#include <utility>
#include <vector>

namespace layoutfs {
namespace {

// Directories that a walk may hold open.
constexpr std::size_t kMaxDepth = 128;

std::unexpected<OpenFailure> failed(int sys) { return std::unexpected(OpenFailure{sys, std::nullopt}); }

// Returns the target of a symlink that is open with O_PATH.
std::optional<std::string> text_of(int link) {
  std::array<char, PATH_MAX> text;
  const ssize_t size = ::readlinkat(link, "", text.data(), text.size());
  if (size < 0) return std::nullopt;
  return std::string(text.data(), static_cast<std::size_t>(size));
}

// Returns the kernel's path of the directory; "" if it is not available.
std::string known_path(int fd) {
  std::array<char, PATH_MAX> text;
  const ssize_t size = ::readlink(path_in_proc(fd).c_str(), text.data(), text.size());
  return size < 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(size));
}

// Returns the remainder of an absolute path that starts with one of the directory's own paths.
std::optional<std::string> rest_below(const LinkRoot& root, std::string_view target) {
  for (std::string own : {root.path, known_path(root.fd)}) {
    while (own.ends_with('/')) own.pop_back();
    if (own.empty() || !target.starts_with(own)) continue;
    const std::string_view rest = target.substr(own.size());
    if (rest.empty() || rest.front() == '/') return std::string(rest);
  }
  return std::nullopt;
}

class Walk {
 public:
  Walk(const LinkRoot& root, const std::string& path, int flags) : root_(root), flags_(flags & ~O_NOFOLLOW) {
    add_components(path);
  }

  OpenResult run() {
    while (!pending_.empty()) {
      // The walk has passed the targets of these links.
      while (!links_.empty() && pending_.size() <= links_.back().rest) links_.pop_back();
      const std::string name = std::move(pending_.back());
      pending_.pop_back();
      if (name == "..") {
        if (steps_.empty()) return leaves();
        steps_.pop_back();
        continue;
      }
      auto found = open_at(here(), name, O_PATH | O_NOFOLLOW);
      if (!found) return not_opened(found.error().sys());
      const auto status = stat_of(found->get(), name);
      if (!status) return failed(status.error().sys());
      if (S_ISLNK(status->st_mode)) {
        if (auto failure = follow(name, found->get())) return std::unexpected(*std::move(failure));
        continue;
      }
      if (pending_.empty()) return open_last(name, std::move(*found), S_ISDIR(status->st_mode));
      if (!S_ISDIR(status->st_mode)) return failed(ENOTDIR);
      if (steps_.size() == kMaxDepth) return failed(ENAMETOOLONG);
      steps_.push_back({std::move(*found), name});
    }
    return opened(here(), ".");  // the path ends in a directory that was visited
  }

 private:
  struct Step {
    UniqueFd directory;
    std::string name;
  };
  struct Link {
    std::string path, target;
    std::size_t rest;  // components that remain after its target
  };

  int here() const { return steps_.empty() ? root_.fd : steps_.back().directory.get(); }

  // Prepends them to the remaining components.
  void add_components(std::string_view path) {
    std::vector<std::string> components;
    while (!path.empty()) {
      const auto slash = std::min(path.find('/'), path.size());
      const std::string_view name = path.substr(0, slash);
      if (!name.empty() && name != ".") components.emplace_back(name);
      path.remove_prefix(std::min(slash + 1, path.size()));
    }
    pending_.insert(pending_.end(), components.rbegin(), components.rend());
  }

  std::optional<OpenFailure> follow(const std::string& name, int link) {
    auto target = text_of(link);
    if (!target) return OpenFailure{errno, std::nullopt};
    std::string path;
    for (const Step& step : steps_) path += step.name + '/';
    links_.push_back({path + name, *target, pending_.size()});
    if (++followed_ > kMaxLinks) return fault(LinkFault::Kind::loop, ELOOP);
    if (target->starts_with('/')) {
      auto rest = rest_below(root_, *target);
      if (!rest) return fault(LinkFault::Kind::leaves, EXDEV);
      steps_.clear();
      target = std::move(rest);
    }
    add_components(*target);
    return std::nullopt;
  }

  // Blames the link that is being followed.
  OpenFailure fault(LinkFault::Kind kind, int sys) const {
    if (links_.empty()) return {sys, std::nullopt};
    return {sys, LinkFault{kind, links_.back().path, links_.back().target}};
  }
  OpenResult leaves() const { return std::unexpected(fault(LinkFault::Kind::leaves, EXDEV)); }
  OpenResult not_opened(int sys) const {
    return sys == ENOENT ? std::unexpected(fault(LinkFault::Kind::dangling, sys)) : failed(sys);
  }

  OpenResult open_last(const std::string& name, UniqueFd found, bool is_directory) {
    if ((flags_ & O_DIRECTORY) != 0 && !is_directory) return failed(ENOTDIR);
    if ((flags_ & O_PATH) != 0) return found;
    // Fails if it has become a symlink in the meantime.
    return opened(here(), name);
  }

  OpenResult opened(int directory, const std::string& name) const {
    auto fd = open_at(directory, name, flags_ | O_NOFOLLOW);
    if (!fd) return failed(fd.error().sys());
    return std::move(*fd);
  }

  const LinkRoot& root_;
  const int flags_;
  std::vector<Step> steps_;           // the directories from the root to the current position
  std::vector<std::string> pending_;  // remaining components, the next one last
  std::vector<Link> links_;           // links that are being followed
  int followed_ = 0;
};

int open_anyhow(int directory, const std::string& path, int flags) {
  const int fd = open_resolved(directory, path, flags, RESOLVE_NO_MAGICLINKS);
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return fd;
  return retried([&] { return ::openat(directory, path.c_str(), flags | O_CLOEXEC); });
}

// Returns the broken symlink on a path, nullopt if there is none.
std::optional<LinkFault> broken_link(const LinkRoot& root, const std::string& path) {
  for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (UniqueFd found(open_anyhow(root.fd, part, O_PATH)); !found) {
      const auto kind = errno == ELOOP ? LinkFault::Kind::loop : LinkFault::Kind::dangling;
      const auto link = open_at(root.fd, part, O_PATH | O_NOFOLLOW);
      auto target = link ? text_of(link->get()) : std::nullopt;
      if (!target) return std::nullopt;
      return LinkFault{kind, part, *std::move(target)};
    }
    if (end == std::string::npos) return std::nullopt;
  }
}

// A link may point to a device or to a pipe with a waiting process, so check the type before opening.
OpenResult open_anywhere(const LinkRoot& root, const std::string& path, int flags) {
  const bool is_harmless = (flags & (O_PATH | O_DIRECTORY)) != 0;
  UniqueFd found(open_anyhow(root.fd, path, is_harmless ? flags : O_PATH));
  if (!found) {
    const int sys = errno;
    const bool is_of_link = sys == ENOENT || sys == ELOOP;
    return std::unexpected(OpenFailure{sys, is_of_link ? broken_link(root, path) : std::nullopt});
  }
  if (is_harmless) return found;
  const auto status = stat_of(found.get(), path);
  if (!status) return failed(status.error().sys());
  if (!S_ISREG(status->st_mode)) return failed(S_ISDIR(status->st_mode) ? EISDIR : ENXIO);
  UniqueFd fd(retried([&] { return ::open(path_in_proc(found.get()).c_str(), flags | O_CLOEXEC); }));
  if (!fd && errno == ENOENT) fd = UniqueFd(open_anyhow(root.fd, path, flags));  // /proc is not mounted
  if (!fd) return failed(errno);
  const auto opened = stat_of(fd.get(), path);
  if (!opened) return failed(opened.error().sys());
  if (opened->st_ino != status->st_ino || opened->st_dev != status->st_dev) return failed(ENXIO);
  return fd;
}

}  // namespace

OpenResult walk_beneath(const LinkRoot& root, const std::string& path, int flags) {
  return Walk(root, path, flags).run();
}

int open_resolved(int directory, const std::string& path, int flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = resolve;
  return static_cast<int>(
      retried([&] { return ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how); }));
}

OpenResult open_beneath(const LinkRoot& root, const std::string& path, int flags, LinkPolicy policy) {
  const int following = flags & ~O_NOFOLLOW;
  if (policy == LinkPolicy::anywhere) return open_anywhere(root, path, following);
  UniqueFd fd(open_resolved(root.fd, path, following, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS));
  if (fd) return fd;
  // ENOSYS and EPERM: the call does not exist or is forbidden. EAGAIN: a concurrent rename. For other errors,
  // the walk finds the link or follows it.
  switch (errno) {
    case ENOSYS:
    case EPERM:
    case EAGAIN:
    case EXDEV:
    case ELOOP:
    case ENOENT:
      return walk_beneath(root, path, following);
    default:
      return failed(errno);
  }
}

}  // namespace layoutfs
