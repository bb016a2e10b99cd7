// Uses a function, at least, of everything that the installed headers declare: it links only if all of them
// are in the archive, and compiles only if their headers are installed.
#include <core/base/context.h>
#include <core/base/digest.h>
#include <core/base/error.h>
#include <core/base/file.h>
#include <core/base/json.h>
#include <core/base/log.h>
#include <core/cache/index_cache.h>
#include <core/cas/archive_reader.h>
#include <core/cas/archive_writer.h>
#include <core/cas/blob_batch.h>
#include <core/cas/descriptor.h>
#include <core/cas/dir_engine.h>
#include <core/cas/driver.h>
#include <core/cas/engine.h>
#include <core/cas/reference_name.h>
#include <core/cas/upload.h>
#include <core/cas/verifying_source.h>
#include <core/check/fsck.h>
#include <core/check/gc.h>
#include <core/check/index_verify.h>
#include <core/http/registry_code.h>
#include <core/image/image_library.h>
#include <core/image/image_set.h>
#include <core/names/filter.h>
#include <core/names/image_store.h>
#include <core/oci/documents.h>
#include <core/oci/graph.h>
#include <core/oci/image_facts.h>
#include <core/oci/layout_graph.h>
#include <core/oci/media_types.h>
#include <core/oci/platform.h>
#include <core/oci/reference.h>
#include <core/oci/repository_names.h>
#include <core/oci/walk.h>
#include <core/registry/find_layout.h>
#include <core/registry/registry.h>
#include <core/transfer/blob_chunks.h>
#include <core/transfer/blob_info_cache.h>
#include <core/transfer/copy.h>
#include <core/transfer/image_destination.h>
#include <core/transfer/image_source.h>
#include <core/transfer/shared_spans.h>

#include <cstdio>
#include <filesystem>

namespace {

using namespace layoutfs;

// The compiler may not know that nobody asks where it is.
template <class Function>
void use(Function function) {
  [[maybe_unused]] Function volatile used = function;
}

void use_all() {
  use(&Digest::parse);
  use(&register_algorithm);
  use(&open_at);
  use(&JsonDocument::parse);
  use(&canonical_json);
  use(&set_log_level);

  use(&open_archive);
  use(&is_archive);
  use(&archive_driver);
  use(&create_archive);
  use(&Descriptor::from_json);
  use(&open_dir);
  use(&check_creatable);
  use(&create_dir);
  use(&is_layout_dir);
  use(&dir_driver);
  use(static_cast<DriverRegistry (*)()>(&builtin_drivers));
  use(&Engine::list_all_blobs);
  use(&read_document);
  use(&is_reference_name);
  use(&is_reference_file_name);
  use(&is_upload_id);
  use(&unknown_upload);
  use(&VerifyingSource::read);

  use(&document_kind);
  use(&read_manifest);
  use(&collect_garbage);
  use(&read_graph_node);
  use(&first_visits);
  use(&config_of);
  use(&size_of_image);
  use(&chain_ids_of);
  use(&essence_of);
  use(&parse_platform);
  use(&host_platform);
  use(&parse_image_name);
  use(&find_reference);
  use(static_cast<Result<Descriptor> (*)(const LayoutGraph&, Descriptor, const Platform&, const Context&)>(
      &resolve_platform));
  use(&find_referrers);
  use(&walk);
  use(&dispatch);

  use(&find_layout);
  use(&is_repository_name);
  use(&RegistryReference::parse);
  use(&open_registry);
  use(&open_repositories);
  use(&below_prefix);
  use(&write_upload);
  use(&wire_code);
  use(&http_status);
  use(&registry_code);

  use(&memory_cache);
  use(&validate_chunks);
  use(&copy_images);
  use(&referrers_of);
  use(static_cast<Result<std::unique_ptr<ImageSource>> (*)(std::shared_ptr<const LayoutReader>,
                                                           std::string_view, SourceOptions)>(&open_source));
  use(static_cast<Result<std::unique_ptr<ImageDestination>> (*)(std::shared_ptr<Engine>, std::string,
                                                                DestinationOptions)>(&open_destination));
  use(&list_images);

  use(&Filter::parse_all);
  use(&open_image_store);
  use(&image_namespaces);
  use(&IndexCache::default_directory);
  use(&check_layout);
  use(static_cast<Result<ImageSet> (*)(const LayoutGraph&, const Context&)>(&all_images));
  use(&verify_kept);
  use(&shared_spans_by_index);
  use(&ImageLibrary::image);
}

}  // namespace

// Makes a layout at argv[1].
int main(int count, char** arguments) {
  if (count != 2) return 2;
  use_all();
  const DirOptions options{.create_if_missing = true};
  const auto engine = open_dir(arguments[1], options);
  if (!engine) {
    std::fprintf(stderr, "%s\n", engine.error().message().c_str());
    return 1;
  }
  std::printf("%s %d\n", std::string(kImageLayoutVersion).c_str(), is_reference_name("latest"));
  return 0;
}
