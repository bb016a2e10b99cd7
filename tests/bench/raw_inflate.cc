// Inflates gzip files with ISA-L and does nothing else: the limit in the comparison of scripts/bench.sh.
//
// usage: raw_inflate FILE...      each file on a separate thread
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kPiece = 256 << 10;  // bytes, in and out: both stay in the core's cache

// Returns the uncompressed size of `path`; -1 if it cannot be read or is not gzip.
std::int64_t inflate_file(const char* path) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  std::vector<std::uint8_t> in(kPiece), out(kPiece);
  inflate_state state;
  isal_inflate_init(&state);
  state.crc_flag = ISAL_GZIP;
  std::int64_t total = 0;
  bool is_broken = false;
  bool is_between_members = true;
  while (true) {
    if (state.avail_in == 0) {
      const ssize_t got = read(file, in.data(), in.size());
      is_broken = got < 0 || (got == 0 && !is_between_members);
      if (got <= 0) break;
      state.next_in = in.data();
      state.avail_in = static_cast<std::uint32_t>(got);
    }
    if (state.block_state == ISAL_BLOCK_FINISH) {
      isal_inflate_reset(&state);
      state.crc_flag = ISAL_GZIP;
    }
    do {
      state.next_out = out.data();
      state.avail_out = static_cast<std::uint32_t>(out.size());
      if (isal_inflate(&state) != ISAL_DECOMP_OK) is_broken = true;
      total += state.next_out - out.data();
    } while (!is_broken && state.avail_out == 0);
    if (is_broken) break;
    is_between_members = state.block_state == ISAL_BLOCK_FINISH;
  }
  close(file);
  return is_broken ? -1 : total;
}

}  // namespace

int main(int argc, char** argv) {
  std::atomic<std::int64_t> total = 0;
  std::atomic<bool> is_broken = false;
  std::vector<std::thread> threads;
  for (int i = 1; i < argc; ++i)
    threads.emplace_back([&, path = argv[i]] {
      const std::int64_t size = inflate_file(path);
      if (size < 0) {
        std::fprintf(stderr, "raw_inflate: %s: cannot be inflated\n", path);
        is_broken = true;
      } else {
        total += size;
      }
    });
  for (auto& thread : threads) thread.join();
  std::printf("%lld\n", static_cast<long long>(total));
  return is_broken ? 1 : 0;
}
