// Raw deflate by ISA-L, which does not report block boundaries. Its state shows one if its input ends in the
// header of a block. The parts:
// - To find a boundary, the input is given in slices that are shorter than the header of nearly every dynamic
//   block.
// - Each call moves a window, so large steps come first; a step that crosses a boundary is undone, and
// repeated
//   in smaller steps, then in slices.
// - Blocks of very uniform content have short headers and equal codes. There the slices are even shorter,
//   which is affordable because each decodes to many bytes.
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>

#include "core/base/check.h"
#include "core/codec/deflate_decoders.h"

namespace layoutfs {
namespace {

static_assert(kDeflateWindow == ISAL_DEF_HIST_SIZE);
static_assert(ISAL_DEF_MAX_HDR_SIZE + sizeof(inflate_state::read_in) <= DeflateDecoder::kMaxUnread);

constexpr std::size_t kSlice = 96, kSmallStep = 1024, kLargeStep = 8192, kShortestSlice = 8;
constexpr std::uint64_t kUsualRatio = 8;  // decoded bytes per input byte

const char* reason_of(int error) {
  switch (error) {
    case ISAL_INVALID_BLOCK:
      return "invalid block";
    case ISAL_INVALID_SYMBOL:
      return "invalid code";
    case ISAL_INVALID_LOOKBACK:
      return "invalid distance";
    default:
      return "broken";
  }
}

class IsalDecoder final : public DeflateDecoder {
 public:
  IsalDecoder() : state_(std::make_unique<inflate_state>()) { isal_inflate_init(state_.get()); }

  void start() override {
    isal_inflate_reset(state_.get());
    small_left_ = slices_left_ = 0;
    begin_counting();
  }

  void start_at(const BlockStart& block, ByteView window) override {
    check(block.unused_bits < 8 && window.size() <= kDeflateWindow, "a block starts within a byte");
    start();
    // ISA-L does not write to the dictionary.
    auto* dictionary = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(window.data()));
    check(isal_inflate_set_dict(state_.get(), dictionary, clamped(window.size())) == ISAL_DECOMP_OK,
          "a new stream takes a window");
    if (block.unused_bits == 0) return;
    state_->read_in = static_cast<std::uint64_t>(block.byte_before >> (8 - block.unused_bits));
    state_->read_in_length = static_cast<std::int32_t>(block.unused_bits);
  }

  Result<Progress> decode(ByteView in, std::span<std::byte> out, bool stop_at_blocks) override {
    state_->next_out = reinterpret_cast<std::uint8_t*>(out.data());
    state_->avail_out = clamped(out.size());
    Progress progress{0, 0, Stop::none};
    do {
      ByteView slice = in.subspan(progress.read);
      if (stop_at_blocks) {
        if (is_between_blocks()) {
          progress.stop = Stop::block;
          begin_counting();
          break;
        }
        slice = slice.first(std::min(slice.size(), next_slice(slice.size())));
      }
      const bool is_step =
          stop_at_blocks && slice.size() >= kSmallStep && state_->block_state == ISAL_BLOCK_CODED;
      if (is_step) copy_state(*state_, *before_step_);
      const auto read = inflate(slice);
      if (!read) return fail(Error(read.error()));
      if (is_step && has_other_codes(*before_step_, *state_)) {
        copy_state(*before_step_, *state_);
        if (slice.size() == kLargeStep)
          small_left_ = kLargeStep;
        else
          slices_left_ = kSmallStep + kSlice;
        continue;
      }
      small_left_ -= std::min(small_left_, *read);
      slices_left_ -= std::min(slices_left_, *read);
      progress.read += *read;
      if (state_->block_state == ISAL_BLOCK_FINISH) progress.stop = Stop::end;
    } while (progress.stop == Stop::none && progress.read < in.size() && state_->avail_out > 0);
    progress.written = clamped(out.size()) - state_->avail_out;
    read_ += progress.read;
    written_ += progress.written;
    return progress;
  }

  std::size_t unread_bits() const override {
    return static_cast<std::size_t>(state_->tmp_in_size) * 8 +
           static_cast<std::size_t>(state_->read_in_length);
  }

 private:
  void begin_counting() {
    has_moved_ = false;
    read_ = 0;
    written_ = 0;
  }

  // ISA-L first decodes into its own buffer, which must have been copied completely.
  bool is_all_written() const { return state_->tmp_out_valid == state_->tmp_out_processed; }

  // Returns false if nothing was read since the last stop: it is the same boundary.
  bool is_between_blocks() const {
    const auto where = state_->block_state;
    return has_moved_ && is_all_written() && (where == ISAL_BLOCK_NEW_HDR || where == ISAL_BLOCK_HDR);
  }

  // Copies everything but the unused end of the last member, which is two thirds of the state.
  static void copy_state(const inflate_state& from, inflate_state& to) {
    static_assert(offsetof(inflate_state, tmp_out_buffer) + sizeof from.tmp_out_buffer +
                      alignof(inflate_state) >
                  sizeof(inflate_state));
    const auto used = static_cast<std::size_t>(std::max(from.tmp_out_valid, 0)) + ISAL_LOOK_AHEAD;
    std::memcpy(&to, &from,
                offsetof(inflate_state, tmp_out_buffer) + std::min(used, sizeof from.tmp_out_buffer));
  }

  // Returns whether another block started. Two blocks with fixed codes cannot be distinguished.
  static bool has_other_codes(const inflate_state& before, const inflate_state& after) {
    return after.block_state != ISAL_BLOCK_CODED ||
           std::memcmp(&before.lit_huff_code, &after.lit_huff_code, sizeof before.lit_huff_code) != 0;
  }

  // Returns the size of a slice, at most `most`. The header of a stored block is too short to be noticed, but
  // states the block's length.
  std::size_t next_slice(std::size_t most) const {
    if (!is_all_written()) return 0;
    const std::uint64_t ratio = written_ / std::max<std::uint64_t>(read_, 1);
    const bool is_usual = ratio <= kUsualRatio;
    if (state_->block_state == ISAL_BLOCK_CODED && is_usual && slices_left_ == 0) {
      if (small_left_ == 0 && most >= kLargeStep) return kLargeStep;
      if (most >= kSmallStep) return kSmallStep;
    }
    if (state_->block_state != ISAL_BLOCK_TYPE0)
      return is_usual ? kSlice : std::max<std::size_t>(kShortestSlice, kSlice * kUsualRatio / ratio);
    const auto buffered = static_cast<std::size_t>(state_->read_in_length) / 8;
    const auto left = static_cast<std::size_t>(std::max(state_->type0_block_len, 0));
    return left > buffered ? left - buffered : 0;
  }

  // Returns the number of bytes consumed.
  Result<std::size_t> inflate(ByteView in) {
    // ISA-L does not write to the input.
    state_->next_in = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(in.data()));
    state_->avail_in = clamped(in.size());
    const int result = isal_inflate(state_.get());
    if (result < 0) return fail(Errc::corrupt, reason_of(result));
    has_moved_ = true;
    return clamped(in.size()) - state_->avail_in;
  }

  std::unique_ptr<inflate_state> state_;
  std::unique_ptr<inflate_state> before_step_ = std::make_unique_for_overwrite<inflate_state>();
  // Bytes of input until a boundary must have been crossed, which are read in small steps, and in slices.
  std::size_t small_left_ = 0, slices_left_ = 0;
  // Since the last stop or the start.
  bool has_moved_ = false;
  std::uint64_t read_ = 0, written_ = 0;  // in complete calls
};

}  // namespace

std::unique_ptr<DeflateDecoder> make_isal_decoder() { return std::make_unique<IsalDecoder>(); }

std::uint32_t gzip_crc(std::uint32_t crc, ByteView bytes) noexcept {
  return ::crc32_gzip_refl(crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

}  // namespace layoutfs
