// The unavoidable work of reading an image, and nothing else: the limits in the comparison of
// scripts/bench.sh.
//
// usage: limits pass FILE...        decode each blob on one thread, and hash blob and content by SHA-256 on
// another
//        limits decode N FILE       N threads decode the whole blob each, without any hash
//        limits points BLOB INDEX   for each pair "OFFSET SIZE" on standard input: decode so many bytes from
//        the
//                                   last access point at or before this offset of the content
//
// Prints JSON: the seconds for everything (pass), for one file (decode: the time of all threads, divided by
// N), or of each pair, without the time for loading the state (points).
#include <fcntl.h>
#include <malloc.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/base/file.h"
#include "core/cas/file_blob.h"
#include "core/codec/codec.h"
#include "core/layer/layer_index.h"
#include "tests/bench/raw_decode.h"

namespace layoutfs::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    if (context_ == nullptr || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
      throw std::bad_alloc();
  }
  void update(ByteView bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      text += {kDigits[digest[i] >> 4], kDigits[digest[i] & 15]};
    }
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

// Hashes the pieces on a thread of its own.
class HashingReader final : public PieceReader {
 public:
  ~HashingReader() override { finish(); }

  std::uint64_t take(Part part, ByteView piece) override {
    const std::lock_guard lock(mutex_);
    pieces_[taken_ % pieces_.size()] = {part, piece};
    ++taken_;
    changed_.notify_all();
    return taken_;
  }
  void wait(std::uint64_t number) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return hashed_ >= number; });
  }
  void finish() {
    {
      const std::lock_guard lock(mutex_);
      is_complete_ = true;
      changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
  }
  // After finish().
  std::string blob_digest() { return blob_.hex(); }

 private:
  void hash() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return hashed_ < taken_ || is_complete_; });
      if (hashed_ == taken_) return;
      const auto [part, piece] = pieces_[hashed_ % pieces_.size()];
      lock.unlock();
      (part == Part::blob ? blob_ : content_).update(piece);
      lock.lock();
      ++hashed_;
      changed_.notify_all();
    }
  }

  struct Piece {
    Part part;
    ByteView bytes;
  };
  std::mutex mutex_;
  std::condition_variable changed_;
  // The decoder waits for a piece before it reuses its buffer, so no more than these are in flight.
  std::array<Piece, 2 * kPiecesInFlight + 2> pieces_;
  std::uint64_t taken_ = 0, hashed_ = 0;
  bool is_complete_ = false;
  Sha256 blob_, content_;
  std::thread thread_{[this] { hash(); }};  // started last
};

// Returns the size of the content.
std::uint64_t decode_and_hash(const std::string& path) {
  HashingReader reader;
  const std::uint64_t size = decode_file(path, &reader);
  reader.finish();
  const std::string name = std::filesystem::path(path).filename();
  // Blobs of a layout have their digest as name.
  if (name.size() == 64 && reader.blob_digest() != name) throw std::runtime_error(path + ": other content");
  return size;
}

// Does all the work at once, on a thread each, and returns the sum. Throws the first exception.
std::uint64_t at_once(const std::vector<std::function<std::uint64_t()>>& work) {
  std::atomic<std::uint64_t> sum = 0;
  std::vector<std::exception_ptr> errors(work.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < work.size(); ++i)
      threads.emplace_back([&, i] {
        try {
          sum += work[i]();
        } catch (...) {
          errors[i] = std::current_exception();
        }
      });
  }
  for (const auto& error : errors)
    if (error) std::rethrow_exception(error);
  return sum;
}

void print(double seconds, std::uint64_t bytes) {
  std::printf("{\"seconds\": %.6f, \"bytes\": %llu, \"bytesPerSecond\": %.0f}\n", seconds,
              static_cast<unsigned long long>(bytes), static_cast<double>(bytes) / seconds);
}

void pass(std::span<char*> paths) {
  std::vector<std::function<std::uint64_t()>> work;
  for (const std::string path : paths) work.emplace_back([path] { return decode_and_hash(path); });
  const auto start = Clock::now();
  const std::uint64_t size = at_once(work);
  print(seconds_since(start), size);
}

void decode(unsigned threads, const std::string& path) {
  const std::vector<std::function<std::uint64_t()>> work(threads, [&] { return decode_file(path, nullptr); });
  const auto start = Clock::now();
  const std::uint64_t size = at_once(work);
  print(seconds_since(start) / threads, size / threads);
}

// Decodes `size` bytes from a point several times, and returns the median of the seconds.
double seconds_of(const PointRecord& point, const StreamIndex& index, const BlobPtr& blob,
                  std::uint64_t size) {
  constexpr std::size_t kRounds = 5;
  static Bytes out(kPiece);
  std::array<double, kRounds> times;
  for (double& time : times) {
    const auto decoder = resume_at(point, index, blob).value();
    const auto start = Clock::now();
    for (std::uint64_t left = size; left > 0;) {
      const std::size_t most = static_cast<std::size_t>(std::min<std::uint64_t>(left, out.size()));
      const std::size_t got = decoder->read(std::span(out).first(most)).value();
      if (got < most) break;  // several readers may have decoded more than there is from here
      left -= got;
    }
    time = seconds_since(start);
  }
  std::ranges::sort(times);
  return times[kRounds / 2];
}

Bytes content_of(const std::string& path) {
  return read_all(open_at(AT_FDCWD, path, O_RDONLY).value().get(), path, std::size_t{1} << 31).value();
}

void points(const std::string& blob_path, const std::string& index_path) {
  // Freed memory is used again, because the first touch of a page costs more than decoding into it.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  const Digest digest =
      Digest::parse("sha256:" + std::filesystem::path(blob_path).filename().string()).value();
  auto file = std::make_shared<UniqueFd>(open_at(AT_FDCWD, blob_path, O_RDONLY).value());
  const BlobPtr blob =
      std::make_shared<FileBlob>(std::move(file), 0, std::filesystem::file_size(blob_path), digest);
  const auto layer = LayerIndex::open(SharedBytes::of(content_of(index_path)), digest).value();
  const StreamIndex index = layer->stream();
  std::uint64_t offset = 0, size = 0;
  const char* separator = "{\"seconds\": [";
  while (std::cin >> offset >> size) {
    const auto after = std::ranges::upper_bound(index.points, offset, {}, &PointRecord::offset);
    if (after == index.points.begin()) throw std::runtime_error("no access point before this offset");
    std::printf("%s%.9f", separator, seconds_of(*std::prev(after), index, blob, size));
    separator = ", ";
  }
  if (*separator == '{') throw std::runtime_error("no pairs on standard input");
  std::puts("]}");
}

int run(std::span<char*> arguments) {
  const std::string mode = arguments.size() > 1 ? arguments[1] : "";
  const auto operands = arguments.subspan(std::min<std::size_t>(2, arguments.size()));
  if (mode == "pass" && !operands.empty()) {
    pass(operands);
  } else if (mode == "decode" && operands.size() == 2) {
    const std::string number = operands[0];
    unsigned threads = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), threads);
    if (error != std::errc() || *end != '\0' || threads == 0)
      throw std::runtime_error("N is a number of threads");
    decode(threads, operands[1]);
  } else if (mode == "points" && operands.size() == 2) {
    points(operands[0], operands[1]);
  } else {
    std::fputs("usage: limits pass FILE... | limits decode N FILE | limits points BLOB INDEX\n", stderr);
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace layoutfs::bench

int main(int argc, char** argv) {
  try {
    return layoutfs::bench::run({argv, static_cast<std::size_t>(argc)});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "limits: %s\n", error.what());
    return 1;
  }
}
