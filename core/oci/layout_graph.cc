#include "core/oci/layout_graph.h"

#include <algorithm>
#include <string>
#include <unordered_set>

#include "core/base/json.h"
#include "core/oci/graph_checks.h"
#include "core/oci/media_types.h"
#include "core/oci/mentions.h"

namespace layoutfs {
namespace {

// Limit for remembered dead ends, which take about 150 bytes each.
constexpr std::size_t kMaxFacts = std::size_t{1} << 17;

constexpr ReadAs kConfig{DocumentForm::leaf, true};

// One bit per interpretation.
std::uint8_t bit_of(ReadAs way) {
  return static_cast<std::uint8_t>(1U
                                   << static_cast<unsigned>(way.is_config ? DocumentForm::leaf : way.form));
}

bool may_be_document(const Descriptor& descriptor) {
  return descriptor.media_type.empty() || is_document_type(descriptor.media_type);
}

bool is_dead_end(const LayoutDocument& document) {
  const GraphNode& node = document.node;
  if (subject_of(node)) return false;
  if (const auto* index = std::get_if<Index>(&node))
    return std::ranges::none_of(index->manifests, may_be_document);
  if (const auto* manifest = std::get_if<Manifest>(&node))
    return !may_be_document(manifest->config) && std::ranges::none_of(manifest->layers, may_be_document);
  if (const auto* artifact = std::get_if<ArtifactManifest>(&node))
    return std::ranges::none_of(artifact->blobs, may_be_document);
  return true;  // children of other documents are layers, or blobs that may only be mentioned
}

// The media type of a document without its own.
std::string_view usual_type(DocumentForm form) {
  switch (form) {
    case DocumentForm::index:
      return media_type::kOciIndex;
    case DocumentForm::manifest:
      return media_type::kOciManifest;
    case DocumentForm::artifact:
      return media_type::kOciArtifactManifest;
    case DocumentForm::schema1:
      return media_type::kDockerSchema1;
    case DocumentForm::untyped:
    case DocumentForm::leaf:
    case DocumentForm::unknown:
      break;
  }
  return "";
}

Error wrong_size(const Digest& digest, std::uint64_t size, std::uint64_t told) {
  return Error(Errc::corrupt, digest.str() + ": blob has " + std::to_string(size) +
                                  " bytes, but its descriptor has " + std::to_string(told));
}

void parse_into(LayoutDocument& document, ReadAs way, ByteView text) {
  if (way.is_config) {
    auto config = ImageConfig::parse(text);
    if (config)
      document.config = std::move(*config);
    else
      document.problem = std::move(config).error().with(document.digest.str());
    return;
  }
  auto digests = digests_of(document.form, text);
  auto node = digests ? parse_node(document.form, text) : fail(std::move(digests).error());
  if (!node) {
    document.problem = std::move(node).error().with(document.digest.str());
    return;
  }
  document.node = std::move(*node);
  if (!*digests) return;
  document.digests = std::move(**digests);
  if (document.form == DocumentForm::schema1)
    document.node = Schema1Node();
  else
    document.node = UnknownDocument();
}

template <class Part>
std::shared_ptr<const Part> part_of(DocumentPtr document, const Part& part) {
  return {std::move(document), &part};
}

}  // namespace

LayoutGraph::LayoutGraph(const LayoutReader& reader, GraphOptions options)
    : reader_(reader),
      options_(std::move(options)),
      cache_(options_.cache ? options_.cache : std::make_shared<DocumentCache>()) {}

LayoutGraph::~LayoutGraph() { cache_->forget(this); }

void LayoutGraph::release() {
  cache_->forget(this);
  dead_ends_.lock()->clear();
}

Result<DocumentPtr> LayoutGraph::load(const Digest& digest, std::uint64_t size, ReadAs way,
                                      const Context& context) const {
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  auto document = std::make_shared<LayoutDocument>();
  document->digest = digest;
  document->form = way.form;
  document->size = size;
  const bool is_needed = way.is_config || is_understood(way.form);
  if (!is_needed && document->size > JsonLimits{}.bytes) return document;
  auto text = read_document(reader_, {.digest = digest, .size = document->size}, context);
  if (!text) return fail(std::move(text).error());
  if (way.form == DocumentForm::untyped) {
    auto own = form_of_text(*text);
    document->form = own.form;
    document->media_type = std::move(own.media_type);
    if (form_of(document->media_type) != document->form) document->media_type = usual_type(document->form);
  }
  parse_into(*document, way, *text);
  const bool is_understood_now = way.is_config || is_understood(document->form);
  if (options_.finds_mentions && is_understood_now) document->mentions = digests_in(*text);
  if (options_.keeps_text) document->text = std::move(*text);
  keep(document, way);
  return document;
}

void LayoutGraph::keep(const DocumentPtr& document, ReadAs way) const {
  std::uint8_t ways = bit_of(way);
  cache_->add({this, document->digest, way}, document);
  // Cache it under its type, too, in case it is requested by that.
  if (way.form == DocumentForm::untyped && is_understood(document->form)) {
    const ReadAs typed{document->form};
    cache_->add({this, document->digest, typed}, document);
    ways = static_cast<std::uint8_t>(ways | bit_of(typed));
  }
  const bool leads_nowhere = !document->problem && is_dead_end(*document);
  auto dead_ends = dead_ends_.lock();
  if (dead_ends->size() >= kMaxFacts && !dead_ends->contains(document->digest)) return;
  std::uint8_t& known = (*dead_ends)[document->digest];
  if (leads_nowhere) known = static_cast<std::uint8_t>(known | ways);
}

Result<DocumentPtr> LayoutGraph::read_as(const Descriptor& descriptor, ReadAs way,
                                         const Context& context) const {
  const DocumentCache::Key key{this, descriptor.digest, way};
  const bool is_size_told = way.is_config || is_understood(way.form);
  auto document = cache_->find(key);
  if (!document) {
    const auto size = reader_.blob_size(descriptor.digest, context);
    if (!size) return fail(Error(size.error()));
    // If the size differs, the descriptor means another blob: do not read it.
    if (is_size_told && *size && **size != descriptor.size)
      return fail(wrong_size(descriptor.digest, **size, descriptor.size));
    const auto load_now = [&]() -> Result<DocumentPtr> {
      // Another thread may have been faster.
      if (auto known = cache_->find(key)) return known;
      return load(descriptor.digest, size->value_or(0), way, context);
    };
    auto loaded = flights_.run(key, load_now, context);
    if (!loaded) return loaded;
    document = std::move(*loaded);
  }
  if (is_size_told && document->size != descriptor.size)
    return fail(wrong_size(descriptor.digest, document->size, descriptor.size));
  return document;
}

Result<DocumentPtr> LayoutGraph::read_parsed(const Descriptor& descriptor, ReadAs way,
                                             const Context& context) const {
  auto document = read_as(descriptor, way, context);
  if (document && (*document)->problem) return fail(Error(*(*document)->problem));
  return document;
}

Result<DocumentPtr> LayoutGraph::read(const Descriptor& descriptor, const Context& context) const {
  const DocumentForm form = form_of(descriptor.media_type);
  if (form == DocumentForm::leaf) {
    auto leaf = std::make_shared<LayoutDocument>();
    leaf->digest = descriptor.digest;
    leaf->size = descriptor.size;
    leaf->media_type = descriptor.media_type;
    leaf->form = form;
    return leaf;
  }
  auto document = read_parsed(descriptor, {form}, context);
  if (!document) return document;
  if ((*document)->digests.empty()) return document;
  const FindBlob find = [&](const Digest& digest) -> Result<std::optional<Descriptor>> {
    const auto size = reader_.blob_size(digest, context);
    if (!size) return fail(Error(size.error()));
    return *size ? std::optional(Descriptor{.digest = digest, .size = **size}) : std::nullopt;
  };
  auto node = resolve_node(find, (*document)->form, (*document)->digests);
  if (!node) return fail(std::move(node).error(), descriptor.digest.str());
  auto resolved = std::make_shared<LayoutDocument>(**document);
  resolved->node = std::move(*node);
  return resolved;
}

Result<DocumentPtr> LayoutGraph::read(const Digest& digest, const Context& context) const {
  return read(Descriptor{.digest = digest}, context);
}

Result<std::shared_ptr<const Index>> LayoutGraph::index(const Descriptor& descriptor,
                                                        const Context& context) const {
  auto document = read_parsed(descriptor, {DocumentForm::index}, context);
  if (!document) return fail(std::move(document).error());
  return part_of(*document, std::get<Index>((*document)->node));
}

Result<std::shared_ptr<const Manifest>> LayoutGraph::manifest(const Descriptor& descriptor,
                                                              const Context& context) const {
  auto document = read_parsed(descriptor, {DocumentForm::manifest}, context);
  if (!document) return fail(std::move(document).error());
  return part_of(*document, std::get<Manifest>((*document)->node));
}

Result<DocumentPtr> LayoutGraph::read_config_document(const Descriptor& descriptor,
                                                      const Context& context) const {
  return read_as(descriptor, kConfig, context);
}

Result<std::shared_ptr<const ImageConfig>> LayoutGraph::config(const Descriptor& descriptor,
                                                               const Context& context) const {
  auto document = read_parsed(descriptor, kConfig, context);
  if (!document) return fail(std::move(document).error());
  return part_of(*document, *(*document)->config);
}

bool LayoutGraph::was_read(const Digest& digest) const { return dead_ends_.lock()->contains(digest); }

bool LayoutGraph::leads_nowhere(const Descriptor& descriptor) const {
  auto dead_ends = dead_ends_.lock();
  const auto found = dead_ends->find(descriptor.digest);
  return found != dead_ends->end() && (found->second & bit_of({form_of(descriptor.media_type)})) != 0;
}

const Descriptor* LayoutReferrers::find(const Digest& digest) const {
  const auto has_digest = [&](const auto& entry) { return entry.second.named.digest == digest; };
  const auto found = std::ranges::find_if(by_subject, has_digest);
  return found == by_subject.end() ? nullptr : &found->second.named;
}

Result<IndexChildren> index_children_of(const LayoutGraph& graph, std::span<const Descriptor> roots,
                                        const Context& context) {
  IndexChildren all;
  std::unordered_set<Digest> seen;
  const Handler note = [&](const Descriptor& descriptor, const Context& going_on) -> Result<Visit> {
    if (document_kind(descriptor.media_type) != DocumentKind::index) return Visit();
    const auto index = graph.index(descriptor, going_on);
    if (!index && index.error().code() == Errc::cancelled) return fail(Error(index.error()));
    if (!index) return Visit();
    for (const Descriptor& child : (*index)->manifests) {
      if (!seen.insert(child.digest).second) continue;
      if (is_absent(graph.reader(), child))
        all.absent.push_back({descriptor.digest, child});
      else
        all.present.push_back(child);
    }
    return Visit::to((*index)->manifests);
  };
  auto walked = walk(roots, handlers({first_visits(), note}), context);
  if (!walked) return fail(std::move(walked).error());
  return all;
}

Handler all_children_handler(const LayoutGraph& graph, AllChildrenOptions options) {
  if (!options.on_problem) options.on_problem = refuse;
  return [&graph, options = std::move(options)](const Descriptor& descriptor,
                                                const Context& context) -> Result<Visit> {
    const auto document = graph.read(descriptor, context);
    const bool is_missing = !document && document.error().code() == Errc::not_found;
    if (is_missing && is_unknown_type(descriptor.media_type)) return Visit();
    auto told = document ? tell_problems(descriptor, (*document)->node, options.on_problem)
                         : options.on_problem(descriptor, document.error());
    if (!told) return fail(std::move(told).error());
    if (!document) return Visit();
    const GraphNode& node = (*document)->node;
    const auto* unknown = std::get_if<UnknownDocument>(&node);
    if (unknown != nullptr && !unknown->mentioned.empty() && options.on_unknown)
      options.on_unknown(descriptor, *unknown);
    auto children = children_of(node);
    if (!std::holds_alternative<Index>(node) || !options.on_absent) return Visit::to(std::move(children));
    std::vector<Descriptor> present;
    for (Descriptor& child : children) {
      if (!is_absent(graph.reader(), child)) {
        present.push_back(std::move(child));
      } else if (auto left_out = options.on_absent(descriptor, child); !left_out) {
        return fail(std::move(left_out).error());
      }
    }
    return Visit::to(std::move(present));
  };
}

namespace {

// With fewer roots, starting threads takes longer than reading the documents.
constexpr std::size_t kManyRoots = 256;

class ReferrerSearch {
 public:
  explicit ReferrerSearch(const LayoutGraph& graph) : graph_(graph) {}

  Result<LayoutReferrers> run(std::span<const Descriptor> roots, const Context& context) {
    const Handler note = [this](const Descriptor& descriptor, const Context& going_on) {
      return visit(descriptor, going_on);
    };
    const auto walked =
        dispatch(roots, handlers({first_visits(), note}), roots.size() < kManyRoots ? 1 : 0, context);
    if (!walked) return fail(Error(walked.error()));
    auto results = results_.lock();
    LayoutReferrers referrers{.by_subject = {}, .is_open = results->is_open, .problem = {}};
    for (auto& [digest, found] : results->found)
      referrers.by_subject.emplace(found.first, std::move(found.second));
    if (results->problem) referrers.problem = std::move(results->problem->second);
    return referrers;
  }

 private:
  Result<Visit> visit(const Descriptor& descriptor, const Context& context) {
    if (!may_be_document(descriptor) || graph_.leads_nowhere(descriptor)) return Visit();
    const auto document = graph_.read(descriptor, context);
    if (!document) return note_failure(descriptor, document.error());
    note_subject(descriptor, **document);
    auto next = children_and_subject_of(graph_.reader(), (*document)->node);
    std::erase_if(next, [](const Descriptor& child) { return !may_be_document(child); });
    return Visit::to(std::move(next));
  }

  Result<Visit> note_failure(const Descriptor& descriptor, const Error& error) {
    if (error.code() == Errc::cancelled) return fail(Error(error));
    auto results = results_.lock();
    if (error.code() == Errc::not_found)
      results->is_open = true;
    else if (!descriptor.media_type.empty() &&
             (!results->problem || descriptor.digest < results->problem->first))
      results->problem.emplace(descriptor.digest, error);
    return Visit();
  }

  void note_subject(const Descriptor& descriptor, const LayoutDocument& document) {
    Descriptor named = descriptor;
    if (named.media_type.empty()) {
      named.media_type = document.media_type;
      named.size = document.size;
    }
    auto referrer = referrer_of(named, document.node);
    if (!referrer) return;
    results_.lock()->found.try_emplace(
        named.digest, std::pair(std::move(referrer->subject),
                                LayoutReferrers::Referrer{named, std::move(referrer->descriptor)}));
  }

  struct Results {
    // By the digest of the document, so that the order of the threads makes no difference.
    std::map<Digest, std::pair<Digest, LayoutReferrers::Referrer>> found;  // with the subject
    std::optional<std::pair<Digest, Error>> problem;                       // of the lowest digest
    bool is_open = false;
  };
  const LayoutGraph& graph_;
  Guarded<Results> results_;
};

}  // namespace

Result<LayoutReferrers> find_referrers(const LayoutGraph& graph, std::span<const Descriptor> roots,
                                       const Context& context) {
  return ReferrerSearch(graph).run(roots, context);
}

}  // namespace layoutfs
