# Debian packages, made by cpack in a build directory: layoutfs, with the program and all files without another
# component, and liblayoutfs-dev.
set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL program development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_PACKAGE_CONTACT "the layoutfs developers <layoutfs@localhost>")
set(CPACK_STRIP_FILES ON)
# Each package's summary is the first line of its description.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")
# Independent of the caller's umask.
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/compress-manual.cmake)

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME layoutfs)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PROGRAM_DESCRIPTION "mounts OCI image layouts
Shows the directory that skopeo, umoci and buildah write as a tree: references,
manifests, layers, and the merged root filesystem of every image, without
unpacking or converting anything. Lists, checks and changes layouts as well.")
# dpkg-shlibdeps finds the shared libraries. fuse3 has fusermount3, with which ordinary users mount.
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS fuse3)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/cmake/conffiles ${PROJECT_SOURCE_DIR}/cmake/postrm)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME liblayoutfs-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "OCI image layouts, as a C++ library
A static library, its headers, a CMake package and a pkg-config file: blobs by
digest and references by name, and the files of images, read at random from
layers as they are.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libre2-dev, libssl-dev, libxxhash-dev, libzstd-dev, pkgconf, zlib1g-dev")
if(LAYOUTFS_ISAL)
  string(APPEND CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS ", libisal-dev")
endif()

install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/layoutfs RENAME copyright)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/liblayoutfs-dev RENAME copyright COMPONENT development)
include(CPack)
