#include "core/stream/span_buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

#include "core/base/lock_order.h"
#include "core/codec/stream_index.h"

namespace layoutfs {
namespace {

constexpr std::size_t kBlock = kMaxSpanSize;
// A huge page on x86-64 and most others: one page fault instead of hundreds.
constexpr std::size_t kSlab = std::size_t{2} << 20;
static_assert(kSlab % kBlock == 0);

struct SlabDeleter {
  void operator()(std::byte* slab) const noexcept { std::free(slab); }
};
using Slab = std::unique_ptr<std::byte[], SlabDeleter>;

Slab make_slab() {
  Slab slab(static_cast<std::byte*>(std::aligned_alloc(kSlab, kSlab)));
  if (slab == nullptr) throw std::bad_alloc();
  (void)::madvise(slab.get(), kSlab, MADV_HUGEPAGE);  // failure only costs time
  return slab;
}

}  // namespace

struct SpanBufferPool::State {
  struct Blocks {
    std::vector<Slab> slabs;
    std::vector<std::byte*> free;  // has capacity for all blocks of the slabs
  };
  OrderedGuarded<Blocks, LockLevel::buffers> blocks;
};

SpanBufferPool::SpanBufferPool() : state_(std::make_unique<State>()) {}
SpanBufferPool::~SpanBufferPool() = default;

std::shared_ptr<SpanBufferPool> SpanBufferPool::create() {
  return std::shared_ptr<SpanBufferPool>(new SpanBufferPool);
}

std::shared_ptr<SpanBuffer> SpanBufferPool::make(std::size_t size) {
  // Spans that would leave half of a block empty are allocated separately.
  if (size <= kBlock / 2 || size > kBlock) return std::make_shared<SpanBuffer>(size);
  return std::shared_ptr<SpanBuffer>(new SpanBuffer(take(), size, shared_from_this()));
}

std::byte* SpanBufferPool::take() {
  auto blocks = state_->blocks.lock();
  if (blocks->free.empty()) {
    blocks->free.reserve((blocks->slabs.size() + 1) * (kSlab / kBlock));
    blocks->slabs.push_back(make_slab());
    std::byte* const slab = blocks->slabs.back().get();
    for (std::size_t at = kSlab; at > 0; at -= kBlock) blocks->free.push_back(slab + (at - kBlock));
  }
  std::byte* const block = blocks->free.back();
  blocks->free.pop_back();
  return block;
}

void SpanBufferPool::take_back(std::byte* block) noexcept { state_->blocks.lock()->free.push_back(block); }

SpanBuffer::~SpanBuffer() {
  if (pool_)
    pool_->take_back(bytes_);
  else
    delete[] bytes_;
}

std::size_t SpanBuffer::capacity() const noexcept { return pool_ ? kBlock : size_; }

}  // namespace layoutfs
