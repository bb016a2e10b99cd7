// Uses at least one function of every installed header. It links only if the archive contains all of them,
// and compiles only if their includes are installed.
#include <layoutfs/blob.h>
#include <layoutfs/blob_batch.h>
#include <layoutfs/bytes.h>
#include <layoutfs/context.h>
#include <layoutfs/copy.h>
#include <layoutfs/descriptor.h>
#include <layoutfs/digest.h>
#include <layoutfs/documents.h>
#include <layoutfs/engine.h>
#include <layoutfs/error.h>
#include <layoutfs/expected.h>
#include <layoutfs/filter.h>
#include <layoutfs/fsck.h>
#include <layoutfs/gc.h>
#include <layoutfs/image_store.h>
#include <layoutfs/images.h>
#include <layoutfs/index_verify.h>
#include <layoutfs/layout_reader.h>
#include <layoutfs/log.h>
#include <layoutfs/open.h>
#include <layoutfs/platform.h>
#include <layoutfs/reference.h>
#include <layoutfs/registry.h>
#include <layoutfs/registry_code.h>
#include <layoutfs/upload.h>

#include <cstdio>
#include <memory>

namespace {

using namespace layoutfs;

// Keeps the compiler from removing an unused address.
template <class Function>
void use(Function function) {
  [[maybe_unused]] Function volatile used = function;
}

void use_all() {
  use(&Digest::parse);
  use(&register_algorithm);
  use(&Error::system);
  use(&set_log_level);
  use(&as_text);
  use(&BlobSource::read);
  use(&Descriptor::parse);
  use(&Descriptor::to_json);
  use(&Engine::put_blob_json);
  use(&BlobBatch::flush);
  use(&LayoutReader::list_all_blobs);
  use(&read_document);
  use(&is_upload_id);

  use(&open_reader);
  use(&open_engine);
  use(&check_creatable);
  use(&create_dir);
  use(&open_archive);
  use(&create_archive);

  use(&document_kind);
  use(&read_manifest);
  use(&parse_platform);
  use(&parse_image_name);
  use(&find_reference);
  use(&find_image);

  use(&open_registry);
  use(&open_repositories);
  use(&below_prefix);
  use(&http_status);
  use(&registry_code);

  use(static_cast<Result<CopyCounts> (*)(const std::shared_ptr<const LayoutReader>&,
                                         const std::shared_ptr<Engine>&, std::span<const NamedDescriptor>,
                                         const CopyOptions&)>(&copy_images));
  use(&list_all_images);
  use(&Images::open);
  use(&RootFilesystem::list);

  use(&Filter::parse_all);
  use(&open_image_store);
  use(&image_namespaces);
  use(&check_layout);
  use(&BlobRepair::repaired);
  use(&collect_garbage);
  use(static_cast<Result<VerifyReport> (*)(const LayoutReader&, const std::string&, const VerifyProgress&,
                                           const Context&)>(&verify_indexes));
}

}  // namespace

// Creates a layout at argv[1].
int main(int count, char** arguments) {
  if (count != 2) return 2;
  use_all();
  const auto engine = open_dir(arguments[1], {.create_if_missing = true});
  if (!engine) {
    std::fprintf(stderr, "%s\n", engine.error().message().c_str());
    return 1;
  }
  std::printf("%s %d\n", std::string(kImageLayoutVersion).c_str(), is_upload_id("latest"));
  return 0;
}
