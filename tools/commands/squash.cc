#include "tools/commands/squash.h"

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "tools/commands/export_tar.h"

namespace layoutfs::tools {
namespace {

// Pieces from one thread to another, in order.
class Pipe {
 public:
  // Waits while the pipe is full. Errc::cancelled after abandon().
  Status write(ByteView piece) {
    Bytes copy(piece.begin(), piece.end());
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_abandoned_ || pieces_.size() < kMostPieces; });
    if (is_abandoned_) return fail(Errc::cancelled, "nobody reads the tar");
    pieces_.push_back(std::move(copy));
    changed_.notify_all();
    return {};
  }
  // Ends the content, with an error if `outcome` is one.
  void end(Status outcome) {
    const std::lock_guard lock(mutex_);
    outcome_ = std::move(outcome);
    changed_.notify_all();
  }

  // Waits for the next piece. Returns an empty one at the end.
  Result<Bytes> read() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return outcome_ || !pieces_.empty(); });
    if (pieces_.empty()) {
      if (!*outcome_) return fail(Error(outcome_->error()));
      return Bytes();
    }
    Bytes piece = std::move(pieces_.front());
    pieces_.pop_front();
    changed_.notify_all();
    return piece;
  }
  // Makes further writes fail.
  void abandon() {
    const std::lock_guard lock(mutex_);
    is_abandoned_ = true;
    changed_.notify_all();
  }

 private:
  static constexpr std::size_t kMostPieces = 4;  // of up to a few MiB

  std::mutex mutex_;  // guards the members below
  std::condition_variable changed_;
  std::deque<Bytes> pieces_;
  std::optional<Status> outcome_;
  bool is_abandoned_ = false;
};

// The tar of an image, written by a thread of its own.
class ImageTar final : public ByteSource {
 public:
  using ShowProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;
  ImageTar(const Image& image, const Context& context, const ShowProgress& progress)
      : writer_([this, &image, &context, &progress] {
          try {
            const TarOutput out{.write = [this](ByteView piece) { return pipe_.write(piece); },
                                .progress = progress};
            pipe_.end(write_tar(image, out, context));
          } catch (const std::bad_alloc&) {
            pipe_.end(std::unexpected(Error::system(ENOMEM, "tar of the image")));
          }
        }) {}
  ~ImageTar() override {
    pipe_.abandon();
    writer_.join();
  }

  Result<std::size_t> read(std::span<std::byte> out) override {
    if (rest_.empty() && !is_at_end_) {
      auto piece = pipe_.read();
      if (!piece) return fail(std::move(piece).error());
      piece_ = std::move(*piece);
      rest_ = piece_;
      is_at_end_ = rest_.empty();
    }
    const ByteView part = rest_.first(std::min(rest_.size(), out.size()));
    copy_bytes(part, out);
    rest_ = rest_.subspan(part.size());
    return part.size();
  }

 private:
  Pipe pipe_;
  Bytes piece_;
  ByteView rest_;  // of piece_
  bool is_at_end_ = false;
  std::thread writer_;  // last member: it uses the pipe
};

}  // namespace

Result<NewLayer> put_squashed(Engine& engine, const Image& image, const PutLayerOptions& options,
                              const std::function<void(std::uint64_t done, std::uint64_t total)>& progress) {
  ImageTar tar(image, options.context, progress);
  return put_layer(engine, tar, options);
}

}  // namespace layoutfs::tools
