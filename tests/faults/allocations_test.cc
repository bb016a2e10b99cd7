// Fails memory allocations, a single one or all from one on, while an image is indexed, opened, listed and
// read, and while blobs and references are put. The operation then fails or succeeds, nothing hangs, and the
// next try succeeds. Each run fails a sample of the allocations; with LAYOUTFS_TEST_FULL=1 all of them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/image/image_library.h"
#include "fs/tree/image_filesystem.h"
#include "layoutfs/open.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/layout_writer.h"
#include "tests/support/store.h"
#include "tests/support/tar_writer.h"
#include "tests/support/zstd_blobs.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define HAS_ADDRESS_SANITIZER
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define HAS_ADDRESS_SANITIZER
#endif

namespace {

// Counts allocations. Those with numbers from first_failure to last_failure fail.
constinit std::atomic<bool> is_counting = false;
constinit std::atomic<long> counted = 0, first_failure = 0, last_failure = 0;

bool must_fail() noexcept {
  if (!is_counting.load(std::memory_order_relaxed)) return false;
  const long number = ++counted;
  return number >= first_failure && number <= last_failure;
}

}  // namespace

// A sanitizer has its own allocator, so only `new` fails there. Otherwise C libraries get no memory either.
#ifdef HAS_ADDRESS_SANITIZER
namespace {
void* allocate(std::size_t size) {
  if (must_fail()) throw std::bad_alloc();
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
}  // namespace
void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return must_fail() ? nullptr : std::malloc(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return must_fail() ? nullptr : std::malloc(size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
#else
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void* malloc(std::size_t size) {
  if (!must_fail()) return __libc_malloc(size);
  errno = ENOMEM;
  return nullptr;
}
void* calloc(std::size_t count, std::size_t size) {
  if (!must_fail()) return __libc_calloc(count, size);
  errno = ENOMEM;
  return nullptr;
}
void* realloc(void* memory, std::size_t size) {
  if (!must_fail()) return __libc_realloc(memory, size);
  errno = ENOMEM;
  return nullptr;
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  if (!must_fail()) return __libc_memalign(alignment, size);
  errno = ENOMEM;
  return nullptr;
}
}
#endif

namespace layoutfs {
namespace {

using testing::LayoutWriter;
using testing::TarWriter;
using testing::TempDir;

constexpr unsigned kMostSeconds = 60;  // of one try: much longer than any takes, unless it hangs
constexpr long kSample = 16;           // failures of each kind, of one operation

std::string attempt;  // for the message of a hang

[[noreturn]] void on_alarm(int) {
  constexpr std::string_view kHangs = ": hangs\n";
  (void)!::write(STDERR_FILENO, attempt.data(), attempt.size());
  (void)!::write(STDERR_FILENO, kHangs.data(), kHangs.size());
  ::_exit(1);
}

// Fails allocations while it lives.
class Failing {
 public:
  Failing(long first, long last) {
    counted = 0;
    first_failure = first;
    last_failure = last;
    is_counting = true;
  }
  Failing(const Failing&) = delete;
  Failing& operator=(const Failing&) = delete;
  ~Failing() { is_counting = false; }
};

using Operation = std::function<Status()>;
// Makes an operation for a single test, with empty caches.
using MakeOperation = std::function<Operation()>;

// Out of memory is the only exception. Returns whether it succeeded.
bool try_once(const Operation& operation) {
  try {
    return operation().has_value();
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void expect_next_try_succeeds(const MakeOperation& make, long first, long last) {
  const Operation operation = make();
  ::alarm(kMostSeconds);
  {
    const Failing failing(first, last);
    try_once(operation);
  }
  const Status again = operation();
  ::alarm(0);
  EXPECT_TRUE(again) << attempt << ": the next try: " << again.error().message();
}

void fail_each(const std::string& name, const MakeOperation& make) {
  ::signal(SIGALRM, on_alarm);
  ASSERT_TRUE(make()()) << "without failures";  // objects that exist once per process are made now
  long count = 0;
  {
    const Operation operation = make();
    const Failing none(0, -1);
    ASSERT_TRUE(operation());
    count = counted;
  }
  ASSERT_GT(count, 10);
  const bool is_full = std::getenv("LAYOUTFS_TEST_FULL") != nullptr;
  const std::uint64_t seed = std::random_device()();
  std::printf("%s: %ld allocations, %s, seed %lu\n", name.c_str(), count, is_full ? "all" : "a sample",
              static_cast<unsigned long>(seed));
  std::mt19937_64 random(seed);
  const long step = is_full ? 1 : std::max(1L, count / kSample);
  for (long first = 1 + static_cast<long>(random() % static_cast<unsigned long>(step)); first <= count;
       first += step) {
    attempt = name + ", allocation " + std::to_string(first) + " fails";
    expect_next_try_succeeds(make, first, first);
    attempt = name + ", allocations from " + std::to_string(first) + " on fail";
    expect_next_try_succeeds(make, first, count * 10);
    if (::testing::Test::HasFailure()) return;
  }
}

// A layout with an image of a gzip and a zstd layer, with their indexes in the cache.
class Allocations : public ::testing::Test {
 protected:
  Allocations() {
    const auto content = [](std::uint64_t seed) {
      const Bytes bytes = testing::sample_bytes(700'000, seed);
      return std::string(as_text(bytes));
    };
    const Bytes lower = TarWriter().dir("etc").file("etc/lower", content(1)).bytes();
    const Bytes upper = TarWriter().file("upper", content(2)).symlink("link", "upper").bytes();
    gzip_ = layout_.blob(testing::gzip_of(lower), testing::kGzipType);
    zstd_ = layout_.blob(testing::zstd_frames_of(upper, 200'000), testing::kZstdType);
    image_ = layout_.manifest(layout_.config({Digest::of(lower), Digest::of(upper)}), {gzip_, zstd_});
    layout_.write_index({testing::named(image_, "latest")});
  }

  // In the state of a new mount.
  std::shared_ptr<ImageLibrary> library(const std::string& cache = "") const {
    return std::make_shared<ImageLibrary>(std::shared_ptr<const Engine>(open_dir(layout_.path()).value()),
                                          cache.empty() ? IndexCache() : IndexCache(cache), LibraryOptions{});
  }
  std::shared_ptr<ImageLibrary> library_with_indexes() const {
    const auto made = library(dir_ / "cache");
    EXPECT_TRUE(made->image(image_));
    return made;
  }

  TempDir dir_;
  LayoutWriter layout_{dir_ / "layout"};
  Descriptor gzip_, zstd_, image_;
};

TEST_F(Allocations, OfIndexingAGzipLayer) {
  fail_each("index gzip", [&]() -> Operation {
    return [this, library = library()]() -> Status {
      const auto layer = library->layer(gzip_);
      return layer ? Status() : fail(Error(layer.error()));
    };
  });
}

TEST_F(Allocations, OfIndexingAZstdLayer) {
  fail_each("index zstd", [&]() -> Operation {
    return [this, library = library()]() -> Status {
      const auto layer = library->layer(zstd_);
      return layer ? Status() : fail(Error(layer.error()));
    };
  });
}

TEST_F(Allocations, OfOpeningAnImage) {
  fail_each("open", [&]() -> Operation {
    library_with_indexes();
    return [this, library = library(dir_ / "cache")]() -> Status {
      const auto image = library->image(image_);
      return image ? Status() : fail(Error(image.error()));
    };
  });
}

TEST_F(Allocations, OfListingAnImage) {
  const ImagePtr image = library_with_indexes()->image(image_).value();
  fail_each("list", [&]() -> Operation {
    return [filesystem = std::make_shared<ImageFilesystem>(image, Ownership())]() -> Status {
      for (int round = 0; round < 20; ++round) {
        std::vector<std::string> names;
        const auto listed = filesystem->readdir(kRootNumber, 0, [&](const Filesystem::Listed& entry) {
          names.emplace_back(entry.name);
          return true;
        });
        if (!listed) return fail(Error::system(listed.error(), "listing"));
        if (names != std::vector<std::string>{".", "..", "etc", "link", "upper"})
          return fail(Errc::corrupt, "other names");
        for (const std::string& name : names) {
          const auto entry = filesystem->lookup(kRootNumber, name);
          if (!entry) return fail(Error::system(entry.error(), name));
          if (name == "link" && filesystem->readlink(entry->inode).value() != "upper")
            return fail(Errc::corrupt, "another target");
        }
      }
      return {};
    };
  });
}

// In order, so that spans are decoded ahead, with a new span cache for each.
TEST_F(Allocations, OfReadingAnImage) {
  for (const auto& [path, seed] : {std::pair{"etc/lower", 1U}, std::pair{"upper", 2U}}) {
    const Bytes expected = testing::sample_bytes(700'000, seed);
    fail_each(std::string("read ") + path, [&]() -> Operation {
      const auto library = library_with_indexes();
      const ImagePtr image = library->image(image_).value();
      const Inode inode = image->resolve(path).value();
      return [library, image, inode, &expected]() -> Status {
        for (std::size_t offset = 0; offset < expected.size();) {
          IoBuffers pieces;
          if (auto got = image->read(inode, pieces, 100'000, offset); !got) return got;
          Bytes out(pieces.size());
          pieces.copy_to(out);
          if (out.empty() || std::memcmp(out.data(), expected.data() + offset, out.size()) != 0)
            return fail(Errc::corrupt, "other bytes");
          offset += out.size();
        }
        return {};
      };
    });
  }
}

TEST_F(Allocations, OfPuttingBlobsAndReferences) {
  const auto content = std::make_shared<const Bytes>(testing::sample_bytes(600'000, 3));
  int number = 0;
  fail_each("put", [&]() -> Operation {
    const std::string path = dir_ / ("put" + std::to_string(++number));
    return
        [path, content,
         engine = std::shared_ptr<Engine>(open_dir(path, {.create_if_missing = true}).value())]() -> Status {
          MemorySource source(*content);
          const auto put = engine->put_blob(source, {});
          if (!put) return fail(Error(put.error()));
          const Descriptor descriptor{
              .media_type = std::string(testing::kTarType), .digest = put->digest, .size = put->size};
          if (auto done = engine->put_reference("a", descriptor, PutMode::replace, {}); !done) return done;
          const auto found = engine->get_reference("a", {});
          if (!found) return fail(Error(found.error()));
          const auto blob = engine->get_blob(found->digest);
          if (!blob) return fail(Error(blob.error()));
          Bytes out(content->size());
          const auto size = (*blob)->read_at(out, 0);
          if (!size) return fail(Error(size.error()));
          return *size == out.size() && out == *content ? Status() : fail(Errc::corrupt, "other bytes");
        };
  });
}

}  // namespace
}  // namespace layoutfs
