!> Reads what `cryoden export --format raw` wrote: flat files of float32, by the names in index.txt.
module arrays
   use, intrinsic :: iso_fortran_env, only: error_unit, int8, int32, real32
   implicit none
   private
   public :: values_of, sides_of, give_up

   !> A line of the index.
   type :: entry
      character(:), allocatable :: file
      integer, allocatable :: sides(:)  !! in Fortran's order
   end type entry

contains

   !> Return all values of an array as they lie in its file.
   function values_of(folder, name) result(values)
      character(*), intent(in) :: folder, name
      real(real32), allocatable :: values(:)
      type(entry) :: told
      integer :: unit, status

      if (transfer(1_int32, 0_int8) /= 1) call give_up('this machine is not little-endian: swap bytes in arrays.f90')
      told = entry_of(folder, name)
      allocate (values(product(told%sides)))
      open (newunit=unit, file=folder//'/'//told%file, access='stream', form='unformatted', &
            status='old', action='read', iostat=status)
      if (status == 0) read (unit, iostat=status) values
      if (status /= 0) call give_up('cannot read '//folder//'/'//told%file)
      close (unit)
   end function values_of

   !> Return the sides of an array in Fortran's order: the reverse of the index.
   function sides_of(folder, name) result(sides)
      character(*), intent(in) :: folder, name
      integer, allocatable :: sides(:)
      type(entry) :: told

      told = entry_of(folder, name)
      sides = told%sides
   end function sides_of

   function entry_of(folder, name) result(told)
      character(*), intent(in) :: folder, name
      type(entry) :: told
      character(512) :: line
      character(64) :: found, file, kind
      integer :: unit, status, rank

      open (newunit=unit, file=folder//'/index.txt', status='old', action='read', iostat=status)
      do while (status == 0)
         read (unit, '(a)', iostat=status) line
         if (status /= 0 .or. line(1:1) == '#') cycle
         read (line, *) found, file, kind, rank
         if (found /= name) cycle
         if (kind /= 'float32') call give_up(name//' is not float32')
         told%file = trim(file)
         allocate (told%sides(rank))
         read (line, *) found, file, kind, rank, told%sides
         told%sides = told%sides(rank:1:-1)
         close (unit)
         return
      end do
      call give_up('no '//name//' in '//folder//'/index.txt')
   end function entry_of

   subroutine give_up(why)
      character(*), intent(in) :: why

      write (error_unit, '(a)') why
      stop 2
   end subroutine give_up

end module arrays
