// For LD_PRELOAD: makes chosen file-system calls of a program fail or write short, and logs them. Only calls
// on files in the directory $LAYOUTFS_FAULT_DIR count.
//
// LAYOUTFS_FAULT=RULE[,RULE...]  with RULE: CALL:N:EFFECT[:on]. The N-th call of CALL (from 1; with `on`,
//                                every one from there on) gets EFFECT: an errno by name makes it fail;
//                                `short` transfers half of the bytes; `pause` waits before it until
//                                $LAYOUTFS_FAULT_PAUSE, a file that it creates, is removed; `kill` ends the
//                                program by SIGKILL before it, `cut` after half of the bytes; `works` (ioctl
//                                only) clones even if the file system cannot. Of ioctl only FICLONE counts,
//                                of fcntl only F_DUPFD_CLOEXEC; openat2 counts as openat.
//
// LAYOUTFS_FAULT_LOG=FILE        one line per call, in order, separated by tabs: CALL, its errno or 0, the
//                                path, then the other path of a link or rename, or the operation of flock.
//
// For each thread, the real-time clock shows the time of the last change of the file whose status the thread
// read last. Files that have just changed are read again (is_fresh in core/cas/layout_dir.h), so by the real
// time a program would make other calls on a busy machine than on an idle one.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>
#include <span>
#include <string_view>

namespace {

struct NamedErrno {
  std::string_view name;
  int value;
};
constexpr NamedErrno kErrnos[] = {{"EACCES", EACCES}, {"EDQUOT", EDQUOT}, {"EINTR", EINTR},
                                  {"EINVAL", EINVAL}, {"EIO", EIO},       {"EMFILE", EMFILE},
                                  {"ENOLCK", ENOLCK}, {"ENOMEM", ENOMEM}, {"ENOSPC", ENOSPC},
                                  {"EPERM", EPERM},   {"EROFS", EROFS}};

constexpr std::array<std::string_view, 26> kCalls = {
    "write",     "pwrite",    "pread",   "copy_file_range", "fsync",  "fdatasync", "linkat",
    "renameat",  "renameat2", "mkdirat", "unlinkat",        "openat", "flock",     "fstatat",
    "fstat",     "readdir",   "fchmod",  "mkdir",           "stat",   "lstat",     "faccessat",
    "ftruncate", "ioctl",     "fcntl",   "fdopendir",       "syncfs"};

constexpr std::size_t position_of(std::string_view call) {
  return static_cast<std::size_t>(std::find(kCalls.begin(), kCalls.end(), call) - kCalls.begin());
}

enum class Way { fail, shorten, pause, kill, cut, work };

struct NamedWay {
  std::string_view name;
  Way value;
};
constexpr NamedWay kWays[] = {{"short", Way::shorten},
                              {"pause", Way::pause},
                              {"kill", Way::kill},
                              {"cut", Way::cut},
                              {"works", Way::work}};

struct Rule {
  std::size_t call;  // in kCalls
  unsigned long first;
  Way way;
  int error;  // for Way::fail
  bool goes_on;
};

// The kernel's path of a descriptor, or of a name below one. The program may be inside an allocation, so this
// code must not allocate.
class Path {
 public:
  explicit Path(int fd) {
    std::array<char, 40> link{};
    std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", fd);
    take(::readlink(link.data(), text_.data(), text_.size() - 1));
  }
  Path(int directory, const char* name) {
    if (name[0] != '/') {
      *this = directory == AT_FDCWD ? current() : Path(directory);
      if (name[0] == '\0' || std::string_view(name) == ".") return;
      add("/");
    }
    add(name);
  }
  const char* text() const { return text_.data(); }
  bool is_below(std::string_view directory) const {
    const std::string_view text(text_.data(), size_);
    return text.starts_with(directory) && (text.size() == directory.size() || text[directory.size()] == '/');
  }

 private:
  Path() = default;
  static Path current() {
    Path path;
    path.take(::readlink("/proc/self/cwd", path.text_.data(), path.text_.size() - 1));
    return path;
  }
  void take(ssize_t size) { text_[size_ = size < 0 ? 0 : static_cast<std::size_t>(size)] = '\0'; }
  void add(std::string_view more) {
    const std::size_t size = std::min(more.size(), text_.size() - 1 - size_);
    std::memcpy(text_.data() + size_, more.data(), size);
    text_[size_ += size] = '\0';
  }

  std::array<char, PATH_MAX> text_{};
  std::size_t size_ = 0;
};

// The function of the C library.
template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

[[noreturn]] void refuse(std::string_view rule) {
  std::fprintf(stderr, "faults: not a rule: %.*s\n", static_cast<int>(rule.size()), rule.data());
  std::abort();
}

// The rules from the environment, and the number of calls so far.
class Plan {
 public:
  static Plan& instance() {
    static Plan plan;
    return plan;
  }

  // Counts a call; the rule that it meets, if any.
  std::optional<Rule> count(std::size_t call, const Path& path) {
    if (directory_.empty() || !path.is_below(directory_)) return std::nullopt;
    const unsigned long number = ++counts_[call];
    for (const Rule& rule : std::span(rules_).first(rule_count_))
      if (rule.call == call && (number == rule.first || (rule.goes_on && number > rule.first))) return rule;
    return std::nullopt;
  }

  // Until the file is gone again.
  void pause() const {
    const int fd = pause_ == nullptr ? -1 : ::open(pause_, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) refuse("pause");
    ::close(fd);
    constexpr timespec kMoment{0, 300'000};
    while (::access(pause_, F_OK) == 0) ::nanosleep(&kMoment, nullptr);
  }

  void log(std::size_t call, int error, const Path& path, const char* more) const {
    if (log_ < 0 || !path.is_below(directory_)) return;
    std::array<char, 2 * PATH_MAX + 64> line{};
    const int size = std::snprintf(line.data(), line.size(), "%s\t%d\t%s\t%s\n", kCalls[call].data(), error,
                                   path.text(), more);
    static auto* const next = real<decltype(::write)>("write");
    if (next(log_, line.data(), static_cast<std::size_t>(size)) != size) std::abort();
  }

 private:
  Plan() {
    const char* const directory = std::getenv("LAYOUTFS_FAULT_DIR");
    const char* const rules = std::getenv("LAYOUTFS_FAULT");
    const char* const log = std::getenv("LAYOUTFS_FAULT_LOG");
    pause_ = std::getenv("LAYOUTFS_FAULT_PAUSE");
    if (directory != nullptr) directory_ = directory;
    if (rules != nullptr && *rules != '\0') parse(rules);
    if (log == nullptr) return;
    log_ = ::open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log_ < 0) refuse(log);
  }

  void parse(std::string_view text) {
    while (!text.empty()) {
      const std::string_view rule = text.substr(0, text.find(','));
      text.remove_prefix(std::min(text.size(), rule.size() + 1));
      if (rule_count_ == rules_.size()) refuse(rule);
      rules_[rule_count_++] = parse_rule(rule);
    }
  }

  static Rule parse_rule(std::string_view text) {
    std::array<std::string_view, 4> fields{};
    std::string_view rest = text;
    for (auto& field : fields) {
      field = rest.substr(0, rest.find(':'));
      rest.remove_prefix(std::min(rest.size(), field.size() + 1));
    }
    Rule rule{position_of(fields[0]), 0, Way::fail, 0, fields[3] == "on"};
    for (const char digit : fields[1]) {
      if (digit < '0' || digit > '9') refuse(text);
      rule.first = rule.first * 10 + static_cast<unsigned long>(digit - '0');
    }
    const auto* const way = std::ranges::find(kWays, fields[2], &NamedWay::name);
    if (way != std::end(kWays)) {
      rule.way = way->value;
    } else {
      const auto* const error = std::ranges::find(kErrnos, fields[2], &NamedErrno::name);
      if (error == std::end(kErrnos)) refuse(text);
      rule.error = error->value;
    }
    if (rule.call == kCalls.size() || rule.first == 0 || !rest.empty() ||
        !(fields[3].empty() || rule.goes_on))
      refuse(text);
    return rule;
  }

  std::string_view directory_;
  const char* pause_ = nullptr;
  std::array<Rule, 8> rules_{};
  std::size_t rule_count_ = 0;
  std::array<std::atomic<unsigned long>, kCalls.size()> counts_{};
  int log_ = -1;
};

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

// Whether a call is to transfer half of the bytes.
bool is_short(Way way) { return way == Way::shorten || way == Way::cut; }

// Makes the call, or fails as the rule requires. `call_it` gets the way of the rule, or Way::pause if none
// applies, and returns the result of the call; `failure` is the result of a failed call.
template <class Call, class Value>
Value faulty(std::size_t call, const Path& path, const char* more, Value failure, Call call_it) {
  auto& plan = Plan::instance();
  const int before = errno;
  const auto rule = plan.count(call, path);
  if (rule && rule->way == Way::pause) plan.pause();
  if (rule && rule->way == Way::kill) die();
  if (rule && rule->way == Way::fail) {
    plan.log(call, rule->error, path, more);
    errno = rule->error;
    return failure;
  }
  errno = 0;
  const Value result = call_it(rule ? rule->way : Way::pause);
  if (rule && rule->way == Way::cut) die();
  // The end of a directory is not a failure.
  const int error = result == failure ? errno : 0;
  plan.log(call, error, path, more);
  errno = error != 0 ? error : before;
  return result;
}

std::size_t shortened(std::size_t size, Way way) { return is_short(way) ? (size + 1) / 2 : size; }

// The time for clock_gettime(); zero before the thread has read a status.
thread_local constinit timespec last_change{};

// Returns the result of a call that has read the status `found`, and sets the thread's time.
int with_time_of(const struct stat& found, int result) noexcept {
  if (result == 0) last_change = found.st_ctim;
  return result;
}

// Replaces FICLONE by a copy.
int clone_by_copy(int from, int to) {
  static auto* const next_read = real<decltype(::pread)>("pread");
  static auto* const next_write = real<decltype(::pwrite)>("pwrite");
  std::array<char, 1 << 16> piece;
  for (off_t offset = 0;;) {
    const ssize_t got = next_read(from, piece.data(), piece.size(), offset);
    if (got <= 0) return static_cast<int>(got);
    if (next_write(to, piece.data(), static_cast<std::size_t>(got), offset) != got) return -1;
    offset += got;
  }
}

}  // namespace

// As in their headers, less the attributes.
extern "C" {

ssize_t write(int fd, const void* bytes, size_t size) {
  static auto* const next = real<decltype(::write)>("write");
  return faulty(position_of("write"), Path(fd), "", ssize_t{-1},
                [&](Way way) { return next(fd, bytes, shortened(size, way)); });
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  static auto* const next = real<decltype(::pwrite)>("pwrite");
  return faulty(position_of("pwrite"), Path(fd), "", ssize_t{-1},
                [&](Way way) { return next(fd, bytes, shortened(size, way), offset); });
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
  return ::pwrite(fd, bytes, size, offset);
}

ssize_t pread(int fd, void* bytes, size_t size, off_t offset) {
  static auto* const next = real<decltype(::pread)>("pread");
  return faulty(position_of("pread"), Path(fd), "", ssize_t{-1},
                [&](Way way) { return next(fd, bytes, shortened(size, way), offset); });
}
ssize_t pread64(int fd, void* bytes, size_t size, off64_t offset) { return ::pread(fd, bytes, size, offset); }

ssize_t copy_file_range(int from, off64_t* from_offset, int to, off64_t* to_offset, size_t size,
                        unsigned flags) {
  static auto* const next = real<decltype(::copy_file_range)>("copy_file_range");
  return faulty(position_of("copy_file_range"), Path(to), "", ssize_t{-1},
                [&](Way way) { return next(from, from_offset, to, to_offset, shortened(size, way), flags); });
}

int fsync(int fd) {
  static auto* const next = real<decltype(::fsync)>("fsync");
  return faulty(position_of("fsync"), Path(fd), "", -1, [&](Way) { return next(fd); });
}

int fdatasync(int fd) {
  static auto* const next = real<decltype(::fdatasync)>("fdatasync");
  return faulty(position_of("fdatasync"), Path(fd), "", -1, [&](Way) { return next(fd); });
}

int syncfs(int fd) noexcept {
  static auto* const next = real<decltype(::syncfs)>("syncfs");
  return faulty(position_of("syncfs"), Path(fd), "", -1, [&](Way) { return next(fd); });
}

int linkat(int from, const char* old_name, int to, const char* name, int flags) {
  static auto* const next = real<decltype(::linkat)>("linkat");
  const Path other(to, name);
  return faulty(position_of("linkat"), Path(from, old_name), other.text(), -1,
                [&](Way) { return next(from, old_name, to, name, flags); });
}

int renameat(int from, const char* old_name, int to, const char* name) noexcept {
  static auto* const next = real<decltype(::renameat)>("renameat");
  const Path other(to, name);
  return faulty(position_of("renameat"), Path(from, old_name), other.text(), -1,
                [&](Way) { return next(from, old_name, to, name); });
}

int renameat2(int from, const char* old_name, int to, const char* name, unsigned flags) noexcept {
  static auto* const next = real<decltype(::renameat2)>("renameat2");
  const Path other(to, name);
  return faulty(position_of("renameat2"), Path(from, old_name), other.text(), -1,
                [&](Way) { return next(from, old_name, to, name, flags); });
}

int mkdirat(int directory, const char* name, mode_t mode) noexcept {
  static auto* const next = real<decltype(::mkdirat)>("mkdirat");
  return faulty(position_of("mkdirat"), Path(directory, name), "", -1,
                [&](Way) { return next(directory, name, mode); });
}

int unlinkat(int directory, const char* name, int flags) noexcept {
  static auto* const next = real<decltype(::unlinkat)>("unlinkat");
  return faulty(position_of("unlinkat"), Path(directory, name), "", -1,
                [&](Way) { return next(directory, name, flags); });
}

int openat(int directory, const char* name, int flags, ...) {
  static auto* const next = real<decltype(::openat)>("openat");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return faulty(position_of("openat"), Path(directory, name), "", -1,
                [&](Way) { return next(directory, name, flags, mode); });
}
int openat64(int directory, const char* name, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return ::openat(directory, name, flags, mode);
}

// The C library has no function for openat2(2); it counts as openat.
long syscall(long number, ...) noexcept {
  // No guarded static: its initialization may wait by this very call.
  static std::atomic<long (*)(long, ...) noexcept> known = nullptr;
  auto* next = known.load();
  if (next == nullptr) known = next = real<long(long, ...) noexcept>("syscall");
  std::array<long, 6> given{};
  va_list arguments;
  va_start(arguments, number);
  for (long& argument : given) argument = va_arg(arguments, long);
  va_end(arguments);
  const auto call = [&](Way) {
    return next(number, given[0], given[1], given[2], given[3], given[4], given[5]);
  };
  if (number != SYS_openat2) return call(Way::fail);
  const auto* const name = reinterpret_cast<const char*>(given[1]);
  return faulty(position_of("openat"), Path(static_cast<int>(given[0]), name), "", -1L, call);
}

int flock(int fd, int operation) noexcept {
  static auto* const next = real<decltype(::flock)>("flock");
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%d", operation);
  return faulty(position_of("flock"), Path(fd), text.data(), -1, [&](Way) { return next(fd, operation); });
}

int fstatat(int directory, const char* name, struct stat* found, int flags) noexcept {
  static auto* const next = real<decltype(::fstatat)>("fstatat");
  return faulty(position_of("fstatat"), Path(directory, name), "", -1,
                [&](Way) { return with_time_of(*found, next(directory, name, found, flags)); });
}
int fstatat64(int directory, const char* name, struct stat64* found, int flags) noexcept {
  static_assert(sizeof(struct stat) == sizeof(struct stat64));
  return ::fstatat(directory, name, reinterpret_cast<struct stat*>(found), flags);
}

int fstat(int fd, struct stat* found) noexcept {
  static auto* const next = real<decltype(::fstat)>("fstat");
  return faulty(position_of("fstat"), Path(fd), "", -1,
                [&](Way) { return with_time_of(*found, next(fd, found)); });
}
int fstat64(int fd, struct stat64* found) noexcept {
  return ::fstat(fd, reinterpret_cast<struct stat*>(found));
}

struct dirent* readdir(DIR* directory) {
  static auto* const next = real<decltype(::readdir)>("readdir");
  return faulty(position_of("readdir"), Path(::dirfd(directory)), "", static_cast<struct dirent*>(nullptr),
                [&](Way) { return next(directory); });
}
struct dirent64* readdir64(DIR* directory) {
  static_assert(sizeof(struct dirent) == sizeof(struct dirent64));
  return reinterpret_cast<struct dirent64*>(::readdir(directory));
}

int fchmod(int fd, mode_t mode) noexcept {
  static auto* const next = real<decltype(::fchmod)>("fchmod");
  return faulty(position_of("fchmod"), Path(fd), "", -1, [&](Way) { return next(fd, mode); });
}

int mkdir(const char* name, mode_t mode) noexcept {
  static auto* const next = real<decltype(::mkdir)>("mkdir");
  return faulty(position_of("mkdir"), Path(AT_FDCWD, name), "", -1, [&](Way) { return next(name, mode); });
}

int stat(const char* name, struct stat* found) noexcept {
  static auto* const next = real<int(const char*, struct stat*)>("stat");
  return faulty(position_of("stat"), Path(AT_FDCWD, name), "", -1,
                [&](Way) { return with_time_of(*found, next(name, found)); });
}
int stat64(const char* name, struct stat64* found) noexcept {
  return ::stat(name, reinterpret_cast<struct stat*>(found));
}

int lstat(const char* name, struct stat* found) noexcept {
  static auto* const next = real<decltype(::lstat)>("lstat");
  return faulty(position_of("lstat"), Path(AT_FDCWD, name), "", -1,
                [&](Way) { return with_time_of(*found, next(name, found)); });
}
int lstat64(const char* name, struct stat64* found) noexcept {
  return ::lstat(name, reinterpret_cast<struct stat*>(found));
}

int faccessat(int directory, const char* name, int mode, int flags) noexcept {
  static auto* const next = real<decltype(::faccessat)>("faccessat");
  return faulty(position_of("faccessat"), Path(directory, name), "", -1,
                [&](Way) { return next(directory, name, mode, flags); });
}

int ftruncate(int fd, off_t size) noexcept {
  static auto* const next = real<decltype(::ftruncate)>("ftruncate");
  return faulty(position_of("ftruncate"), Path(fd), "", -1, [&](Way) { return next(fd, size); });
}
int ftruncate64(int fd, off64_t size) noexcept { return ::ftruncate(fd, size); }

int ioctl(int fd, unsigned long request, ...) noexcept {
  static auto* const next = real<decltype(::ioctl)>("ioctl");
  va_list arguments;
  va_start(arguments, request);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  if (request != FICLONE) return next(fd, request, argument);
  return faulty(position_of("ioctl"), Path(fd), "", -1, [&](Way way) {
    if (way == Way::work)
      return clone_by_copy(static_cast<int>(reinterpret_cast<std::intptr_t>(argument)), fd);
    return next(fd, request, argument);
  });
}

int fcntl(int fd, int operation, ...) {
  static auto* const next = real<decltype(::fcntl)>("fcntl");
  va_list arguments;
  va_start(arguments, operation);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  if (operation != F_DUPFD_CLOEXEC) return next(fd, operation, argument);
  return faulty(position_of("fcntl"), Path(fd), "", -1, [&](Way) { return next(fd, operation, argument); });
}
int fcntl64(int fd, int operation, ...) {
  va_list arguments;
  va_start(arguments, operation);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  return ::fcntl(fd, operation, argument);
}

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  static auto* const next = real<int(clockid_t, timespec*) noexcept>("clock_gettime");
  if (clock != CLOCK_REALTIME || last_change.tv_sec == 0) return next(clock, now);
  *now = last_change;
  return 0;
}

DIR* fdopendir(int fd) {
  static auto* const next = real<decltype(::fdopendir)>("fdopendir");
  return faulty(position_of("fdopendir"), Path(fd), "", static_cast<DIR*>(nullptr),
                [&](Way) { return next(fd); });
}

}  // extern "C"
