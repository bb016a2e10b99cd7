#include "fs/tree/on_demand_engine.h"

#include <cerrno>

#include "core/cas/layout_dir.h"
#include "core/cas/upload.h"

namespace layoutfs {
namespace {

// What `ask` says of the engine, or why there is none.
template <class Ask>
auto asked(const Result<std::shared_ptr<Engine>>& engine, Ask&& ask) -> decltype(ask(**engine)) {
  if (!engine) return fail(Error(engine.error()));
  return ask(**engine);
}

std::unexpected<Error> read_only() { return fail(Error::system(EROFS, "layout")); }

}  // namespace

void OnDemandEngine::use() const noexcept {
  static std::atomic<std::uint64_t> uses = 0;
  last_use_.store(++uses, std::memory_order_relaxed);
}

Result<std::shared_ptr<Engine>> OnDemandEngine::get() const {
  use();
  Result<std::shared_ptr<Engine>> engine;
  if (auto open = engine_.lock(); true) {
    if (*open) return *open;
    engine = open_();
    if (engine) *open = *engine;
    is_broken_ = !engine && engine.error().code() != Errc::not_found;
  }
  if (engine || is_broken_) tried_();
  return engine;
}

void OnDemandEngine::release() noexcept {
  std::shared_ptr<Engine> engine;  // closed after the lock is released
  engine_.lock()->swap(engine);
}

Result<BlobPtr> OnDemandEngine::get_blob(const Digest& digest) const {
  return asked(get(), [&](const Engine& engine) { return engine.get_blob(digest); });
}

Result<std::optional<BlobStatus>> OnDemandEngine::blob_status(const Digest& digest) const {
  return asked(get(), [&](const Engine& engine) { return engine.blob_status(digest); });
}

Result<std::string> OnDemandEngine::blob_path(const Digest& digest) const {
  return asked(get(), [&](const Engine& engine) { return engine.blob_path(digest); });
}

Result<std::vector<Digest>> OnDemandEngine::list_blobs(Algorithm algorithm, const Context& context) const {
  return asked(get(), [&](const Engine& engine) { return engine.list_blobs(algorithm, context); });
}

std::int64_t OnDemandEngine::listing_ns(Algorithm algorithm) const {
  const auto engine = get();
  return engine ? (*engine)->listing_ns(algorithm) : now_ns();
}

Result<std::shared_ptr<const References>> OnDemandEngine::references(const Context& context) const {
  return asked(get(), [&](const Engine& engine) { return engine.references(context); });
}

Result<Descriptor> OnDemandEngine::get_reference(std::string_view name, const Context& context) const {
  return asked(get(), [&](const Engine& engine) { return engine.get_reference(name, context); });
}

Result<std::vector<std::string>> OnDemandEngine::list_references(const Context& context) const {
  return asked(get(), [&](const Engine& engine) { return engine.list_references(context); });
}

Status OnDemandEngine::close() {
  release();
  return {};
}

Result<PutResult> OnDemandEngine::put_blob(ByteSource&, const PutOptions&) { return read_only(); }
Result<std::unique_ptr<Upload>> OnDemandEngine::start_upload(std::string_view) { return read_only(); }
Result<std::unique_ptr<Upload>> OnDemandEngine::resume_upload(std::string_view id) {
  return fail(unknown_upload(id));
}
Result<bool> OnDemandEngine::delete_blob(const Digest&) { return read_only(); }
Result<SweepResult> OnDemandEngine::sweep_blob(const Digest&, const References&, std::int64_t,
                                               const Context&) {
  return read_only();
}
Status OnDemandEngine::put_reference(std::string_view, const Descriptor&, PutMode, const Context&) {
  return read_only();
}
Result<bool> OnDemandEngine::delete_reference(std::string_view, const Context&) { return read_only(); }
Status OnDemandEngine::update_references(const ReferenceUpdate&, const Context&) { return read_only(); }
Status OnDemandEngine::clean(const Context&) { return read_only(); }

}  // namespace layoutfs
