!> Shared libraries and their functions, found when the program runs: it starts where there are none.
module libraries
   use, intrinsic :: iso_c_binding, only: c_associated, c_char, c_funptr, c_int, c_null_char, c_null_ptr, c_ptr
   implicit none
   private
   public :: opened, function_of

   integer(c_int), parameter :: now_and_global = 258  !! RTLD_NOW + RTLD_GLOBAL

   interface
      function dlopen(file, mode) bind(c)
         import :: c_char, c_int, c_ptr
         character(kind=c_char), intent(in) :: file(*)
         integer(c_int), value :: mode
         type(c_ptr) :: dlopen
      end function dlopen

      function dlsym(library, name) bind(c)
         import :: c_char, c_funptr, c_ptr
         type(c_ptr), value :: library
         character(kind=c_char), intent(in) :: name(*)
         type(c_funptr) :: dlsym
      end function dlsym
   end interface

contains

   !> Return the first of some libraries that the loader finds, or a null pointer.
   function opened(names) result(library)
      character(*), intent(in) :: names(:)
      type(c_ptr) :: library
      integer :: i

      library = c_null_ptr
      do i = 1, size(names)
         library = dlopen(trim(names(i))//c_null_char, now_and_global)
         if (c_associated(library)) return
      end do
   end function opened

   !> Return a function of a library; `missing` says so where there is none.
   function function_of(library, name, missing) result(address)
      type(c_ptr), intent(in) :: library
      character(*), intent(in) :: name
      character(:), allocatable, intent(inout) :: missing
      type(c_funptr) :: address

      address = dlsym(library, name//c_null_char)
      if (.not. c_associated(address)) missing = 'no '//name//' in the library'
   end function function_of

end module libraries
