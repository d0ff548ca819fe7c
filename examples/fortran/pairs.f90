!> Patch pairs as `cryoden patches build` wrote them, and the order in which a run took them.
module pairs
   use, intrinsic :: iso_c_binding, only: c_associated, c_char, c_int, c_loc, c_long, c_null_char, c_ptr, c_size_t
   use, intrinsic :: iso_fortran_env, only: real32
   use arrays, only: give_up
   implicit none
   private
   public :: pair_store, training_order, store_of, order_of, read_pairs

   type :: pair_store
      character(:), allocatable :: folder
      integer :: pairs, shard, edge  !! in all, in a file, pixels of an edge
   end type pair_store

   !> Step s takes the pairs first(s) to first(s + 1) - 1 of `pair`, which are counted from 0.
   type :: training_order
      integer :: batch
      integer, allocatable :: pair(:), first(:), epoch(:)
   end type training_order

   !> C's files: Fortran opens none for two readers at once.
   interface
      type(c_ptr) function fopen(path, mode) bind(c)
         import :: c_char, c_ptr
         character(kind=c_char), intent(in) :: path(*), mode(*)
      end function fopen

      integer(c_int) function fseek(file, offset, whence) bind(c)
         import :: c_int, c_long, c_ptr
         type(c_ptr), value :: file
         integer(c_long), value :: offset
         integer(c_int), value :: whence
      end function fseek

      integer(c_size_t) function fread(into, size, count, file) bind(c)
         import :: c_ptr, c_size_t
         type(c_ptr), value :: into, file
         integer(c_size_t), value :: size, count
      end function fread

      integer(c_int) function fclose(file) bind(c)
         import :: c_int, c_ptr
         type(c_ptr), value :: file
      end function fclose
   end interface

contains

   !> Return what the index of a data set says of how its pairs lie.
   function store_of(folder) result(store)
      character(*), intent(in) :: folder
      type(pair_store) :: store
      character(:), allocatable :: kind

      store%folder = folder
      kind = value_of(folder, 'dtype')
      if (kind /= '"float32"') call give_up(folder//'/index.json: numbers are '//kind//', this program reads "float32"')
      store%pairs = whole(value_of(folder, 'pairs'))
      store%shard = whole(value_of(folder, 'shard'))
      store%edge = whole(value_of(folder, 'edge'))
   end function store_of

   !> Read some pairs of a data set, each the noisy patch and then its target; any number of threads may.
   subroutine read_pairs(store, chosen, noisy, target)
      type(pair_store), intent(in) :: store
      integer, intent(in) :: chosen(:)
      real(real32), pointer, contiguous, intent(in) :: noisy(:, :, :, :), target(:, :, :, :)
      character(32) :: name
      type(c_ptr) :: file
      integer(c_size_t) :: pixels
      logical :: good
      integer :: n

      pixels = int(store%edge, c_size_t)**2
      do n = 1, size(chosen)
         write (name, '(a, i0.5, a)') 'pairs_', chosen(n) / store%shard, '.bin'
         file = fopen(store%folder//'/'//trim(name)//c_null_char, 'rb'//c_null_char)
         good = c_associated(file)
         if (good) good = fseek(file, mod(chosen(n), store%shard) * int(8 * pixels, c_long), 0_c_int) == 0
         if (good) good = fread(c_loc(noisy(1, 1, 1, n)), 4_c_size_t, pixels, file) == pixels
         if (good) good = fread(c_loc(target(1, 1, 1, n)), 4_c_size_t, pixels, file) == pixels
         if (.not. good) call give_up('cannot read a pair from '//store%folder//'/'//trim(name))
         if (fclose(file) /= 0) call give_up('cannot close '//trim(name))
      end do
   end subroutine read_pairs

   !> Return the order of a run, from what `cryoden export` wrote.
   function order_of(folder) result(order)
      character(*), intent(in) :: folder
      type(training_order) :: order
      integer, allocatable :: epoch(:)
      integer :: unit, status, i

      call open_order(folder, unit, order%batch)
      allocate (epoch(lines_left(unit)))
      allocate (order%pair, mold=epoch)
      close (unit)
      call open_order(folder, unit, order%batch)
      read (unit, *, iostat=status) (epoch(i), order%pair(i), i=1, size(epoch))
      if (status /= 0 .or. size(epoch) == 0) call give_up(folder//'/order.txt is damaged')
      close (unit)
      call divide(order, epoch)
   end function order_of

   !> Find the steps: as many pairs as a batch has, and at the end of an epoch what is left.
   subroutine divide(order, epoch)
      type(training_order), intent(inout) :: order
      integer, intent(in) :: epoch(:)
      logical :: begins(size(epoch))
      integer :: i, pairs

      pairs = 0
      do i = 1, size(epoch)
         if (epoch(i) /= epoch(max(1, i - 1))) pairs = 0
         begins(i) = mod(pairs, order%batch) == 0
         pairs = pairs + 1
      end do
      order%epoch = pack(epoch, begins)
      order%first = [pack([(i, i=1, size(epoch))], begins), size(epoch) + 1]
   end subroutine divide

   !> Open the order behind its two lines of comment, of which the first has the batch.
   subroutine open_order(folder, unit, batch)
      character(*), intent(in) :: folder
      integer, intent(out) :: unit, batch
      character(80) :: line
      integer :: status

      open (newunit=unit, file=folder//'/order.txt', status='old', action='read', iostat=status)
      if (status /= 0) call give_up('no '//folder//'/order.txt: export a run on patch pairs, without --synthetic')
      read (unit, '(a)', iostat=status) line
      if (index(line, '# batch: ') /= 1) call give_up(folder//'/order.txt does not begin with the batch')
      batch = whole(trim(line(10:)))
      read (unit, '(a)', iostat=status) line
   end subroutine open_order

   integer function lines_left(unit)
      integer, intent(in) :: unit
      integer :: status

      lines_left = -1
      status = 0
      do while (status == 0)
         lines_left = lines_left + 1
         read (unit, *, iostat=status)
      end do
   end function lines_left

   !> Return what an index of a data set has for a key at its top level: there, one is on a line of its own.
   function value_of(folder, key) result(found)
      character(*), intent(in) :: folder, key
      character(:), allocatable :: found
      character(512) :: line
      character(:), allocatable :: wanted
      integer :: unit, status

      wanted = ' "'//key//'": '
      open (newunit=unit, file=folder//'/index.json', status='old', action='read', iostat=status)
      do while (status == 0)
         read (unit, '(a)', iostat=status) line
         if (status /= 0 .or. index(line, wanted) /= 1) cycle
         found = trim(line(len(wanted) + 1:))
         if (found(len(found):) == ',') found = found(:len(found) - 1)
         close (unit)
         return
      end do
      call give_up('no '//key//' in '//folder//'/index.json: is it a finished data set of cryoden patches build?')
   end function value_of

   integer function whole(text)
      character(*), intent(in) :: text
      integer :: status

      read (text, *, iostat=status) whole
      if (status /= 0 .or. whole < 1) call give_up('expected a whole number above 0, found '//text)
   end function whole

end module pairs
